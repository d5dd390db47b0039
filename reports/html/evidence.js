/* A field and its octets light up together, by pointer and by keyboard. */
(() => {
  const lit = 'lit';
  /** Give every octet of a packet an element of its own, once. */
  function prepare(packet) {
    const pre = packet.querySelector('.octets');
    if (pre === null || pre.dataset.ready === '1') return;
    pre.dataset.ready = '1';
    const lines = pre.textContent.split('\n');
    pre.textContent = '';
    let at = 0;
    for (const line of lines) {
      const [, where, octets] = /^([0-9a-f]{4} {2})([0-9a-f ]+)$/.exec(line) ?? [];
      if (where === undefined) {
        pre.append(`${line}\n`);
        continue;
      }
      pre.append(where);
      for (const octet of octets.split(' ')) {
        const one = document.createElement('span');
        one.dataset.at = String(at);
        one.textContent = octet;
        pre.append(one, ' ');
        at += 1;
      }
      pre.append('\n');
    }
    const [first] = packet.querySelectorAll('.fields li');
    if (first !== undefined) first.tabIndex = 0;
  }
  function clear(packet) {
    for (const one of packet.querySelectorAll(`.${lit}`)) one.classList.remove(lit);
  }
  function light(packet, field) {
    prepare(packet);
    clear(packet);
    const [offset, length] = field.dataset.o.split(',').map(Number);
    field.classList.add(lit);
    const spans = packet.querySelectorAll('.octets span');
    for (let at = offset; at < offset + length; at += 1) spans[at]?.classList.add(lit);
  }
  function fieldAt(packet, at) {
    return [...packet.querySelectorAll('.fields li')].find((field) => {
      const [offset, length] = field.dataset.o.split(',').map(Number);
      return at >= offset && at < offset + length;
    });
  }
  function follow({ target }) {
    if (!(target instanceof Element)) return;
    const packet = target.closest('.packet');
    if (packet === null) return;
    const field = target.closest('.fields li');
    if (field !== null) return light(packet, field);
    const at = target.dataset?.at;
    const owner = at === undefined ? undefined : fieldAt(packet, Number(at));
    if (owner !== undefined) light(packet, owner);
  }
  document.addEventListener('pointerover', follow);
  document.addEventListener('focusin', follow);
  document.addEventListener(
    'toggle',
    ({ target }) => {
      if (target.open && target.matches?.('.packet')) prepare(target);
    },
    true,
  );
  document.addEventListener('keydown', (event) => {
    const field = event.target.closest?.('.fields li');
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (field === null || field === undefined || step === undefined) return;
    const all = [...field.closest('.fields').querySelectorAll('li')];
    const next = all[all.indexOf(field) + step];
    if (next === undefined) return;
    event.preventDefault();
    field.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
})();
