/* Rows by level, by text, and those in which the devices differ. */

const form = document.getElementById('filters');
const count = document.getElementById('count');
const rows = [...document.querySelectorAll('.matrix tbody tr')];
function filter() {
  const { level, search, differ } = form.elements;
  const text = search.value.trim().toLowerCase();
  let shown = 0;
  for (const row of rows) {
    row.hidden =
      (level.value !== '' && row.dataset.level !== undefined && row.dataset.level !== level.value) ||
      (differ.checked && row.dataset.differ === '0') ||
      !row.textContent.toLowerCase().includes(text);
    if (!row.hidden) shown += 1;
  }
  count.textContent = `${shown} of ${rows.length} rows`;
}
form.hidden = false;
form.addEventListener('input', filter);
form.addEventListener('submit', (event) => event.preventDefault());
form.addEventListener('reset', () => setTimeout(filter));
filter();
