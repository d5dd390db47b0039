/* The progress of a run, as the server tells it. */

const main = document.querySelector('main');
const said = document.getElementById('said');
function item(list, verdict, text) {
  const li = document.createElement('li');
  const badge = document.createElement('span');
  badge.className = `v v-${verdict.replace(/\W/g, '-')}`;
  badge.textContent = verdict;
  li.append(badge, ` ${text}`);
  list.append(li);
}
let told = '';
/** A listener hears of failures and of the end, not of each test. */
function tell(text) {
  if (text !== told) said.textContent = text;
  told = text;
}
function show({ devices, over }) {
  let failures = 0;
  for (const [at, device] of devices.entries()) {
    const section = document.getElementById(`device-${at}`);
    // A device of its own has begun, or the run was of another shape: the page is made anew.
    if (section === null) return location.reload();
    const bar = section.querySelector('progress');
    bar.hidden = false;
    bar.max = device.total;
    bar.value = device.done;
    section.querySelector('.state').textContent =
      `${device.state}: ${device.done} of ${device.total} tests, ${device.seconds} s`;
    const counts = section.querySelector('.counts');
    counts.textContent = '';
    for (const [verdict, count] of Object.entries(device.counts)) item(counts, verdict, String(count));
    const list = section.querySelector('.failures');
    for (const { id, clauses } of device.failures.slice(list.children.length))
      item(list, 'FAIL', `${id} ${clauses.join(' ')}`);
    failures += device.failures.length;
  }
  tell(over ? 'The run is over.' : failures === 0 ? '' : `Failed so far: ${failures}.`);
  if (over) document.getElementById('ready').hidden = false;
}
if (main.dataset.live !== '') {
  const source = new EventSource(main.dataset.live);
  source.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    show(message);
    if (message.over) source.close();
  };
}
