/* Filters, links to what is folded away, evidence that is unpacked when it is asked for. */

const form = document.getElementById('filters');
const count = document.getElementById('count');
const rows = [...document.querySelectorAll('details.row')];
const words = new Map(rows.map((row) => [row, row.querySelector('summary').textContent.toLowerCase()]));
const keys = ['role', 'level', 'verdict', 'section', 'search'];

/** The state is in the address, so that a view can be sent to somebody. */
function wanted() {
  return Object.fromEntries(keys.map((key) => [key, form.elements[key].value.trim()]));
}

function shows(row, want) {
  for (const key of ['role', 'level', 'verdict', 'section'])
    if (want[key] !== '' && !row.dataset[key].split('|').includes(want[key])) return false;
  const text = words.get(row);
  return want.search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

function filter() {
  const want = wanted();
  let clauses = 0;
  let tests = 0;
  for (const row of rows) {
    row.hidden = !shows(row, want);
    if (row.hidden) continue;
    if (row.classList.contains('clause')) clauses += 1;
    else tests += 1;
  }
  count.textContent = `${clauses} clauses, ${tests} tests`;
}

function remember() {
  const pairs = Object.entries(wanted()).filter(([, value]) => value !== '');
  history.replaceState(null, '', pairs.length === 0 ? location.pathname : `#?${new URLSearchParams(pairs)}`);
}

/** Unpack what a test holds; resolves when it is there. */
async function unpack(row) {
  const stored = row.querySelector(':scope > script.stored');
  if (stored === null) return;
  const octets = Uint8Array.from(atob(stored.textContent), (char) => char.charCodeAt(0));
  stored.remove();
  const stream = new Blob([octets]).stream().pipeThrough(new DecompressionStream('gzip'));
  const markup = await new Response(stream).text();
  row.querySelector(':scope > .unread').remove();
  // Made by the program that wrote this page, which escapes all that is not its own.
  row.insertAdjacentHTML('beforeend', markup);
}

/** Open whatever an anchor is in, and go there. */
async function reveal(hash) {
  if (hash.startsWith('#?')) {
    for (const [key, value] of new URLSearchParams(hash.slice(2)))
      if (keys.includes(key)) form.elements[key].value = value;
    return filter();
  }
  const id = decodeURIComponent(hash.slice(1));
  const owner = document.getElementById(id.replace(/-f\d+$/, ''));
  if (owner?.matches('details.test')) {
    owner.open = true;
    await unpack(owner);
  }
  const target = document.getElementById(id);
  if (target === null) return;
  for (let at = target; at !== null; at = at.parentElement) {
    if (at.matches('details')) at.open = true;
    at.hidden = false;
  }
  target.scrollIntoView();
  (target.matches('details') ? target.querySelector('summary') : target).focus({ preventScroll: true });
}

form.hidden = false;
form.addEventListener('input', () => {
  filter();
  remember();
});
form.addEventListener('submit', (event) => event.preventDefault());
form.addEventListener('reset', () =>
  setTimeout(() => {
    filter();
    remember();
  }),
);
document.addEventListener(
  'toggle',
  ({ target }) => {
    if (target.open && target.matches?.('details.test')) unpack(target);
  },
  true,
);
document.addEventListener('click', ({ target }) => {
  const link = target.closest('a[href^="#"]');
  if (link !== null) reveal(link.getAttribute('href'));
  const button = target.closest('button.copy');
  if (button === null) return;
  const input = button.parentElement.querySelector('input');
  input.select();
  navigator.clipboard?.writeText(input.value).then(
    () => {
      button.textContent = 'Copied';
    },
    () => {},
  );
});
document.addEventListener('keydown', (event) => {
  const isTyping = event.target.matches('input, select, textarea');
  if (event.key === '/' && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    form.elements.search.focus();
  }
});
addEventListener('hashchange', () => reveal(location.hash));
filter();
if (location.hash.length > 1) reveal(location.hash);
