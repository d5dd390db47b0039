/* Packets: fields beside their octets, which light up together, by pointer and by keyboard. */
(() => {
  const layouts = JSON.parse(document.getElementById('layouts')?.textContent ?? '[]');
  const hex = (octets) => [...octets].map((octet) => octet.toString(16).padStart(2, '0'));
  /** As the codec and `visible` write them; a test holds this to the codec. */
  const visible = (text) =>
    text.replace(
      /[\p{C}\p{Zl}\p{Zp}]|(?<=\p{M}{3})\p{M}/gu,
      (char) => `\\u{${char.codePointAt(0).toString(16)}}`,
    );
  function ipv6(octets) {
    const groups = hex(octets)
      .join('')
      .match(/.{4}/g)
      .map((group) => group.replace(/^0{1,3}/, ''));
    let best = [0, 0];
    for (let at = 0; at < 8; at += 1) {
      let end = at;
      while (groups[end] === '0') end += 1;
      if (end - at > best[1]) best = [at, end - at];
    }
    if (best[1] < 2) return groups.join(':');
    return `${groups.slice(0, best[0]).join(':')}::${groups.slice(best[0] + best[1]).join(':')}`;
  }
  function number(octets, first, count) {
    let value = 0n;
    for (const octet of octets) value = value * 256n + BigInt(octet);
    if (count === undefined) return value;
    return (value >> BigInt(octets.length * 8 - first - count)) & ((1n << BigInt(count)) - 1n);
  }
  function valueIn(octets, kind, first, count) {
    switch (kind) {
      case 'n':
        return String(number(octets, first, count));
      case 'b':
        return String(number(octets, first, count) !== 0n);
      case '4':
        return octets.join('.');
      case 'r':
        return `${octets.slice(0, 4).join('.')} ${number(octets.slice(4))}`;
      case 'm':
        return hex(octets).join(':');
      case '6':
        return ipv6(octets);
      case 't':
        return visible(new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(octets)));
      default:
        return hex(octets).join('');
    }
  }
  function element(name, text, parent) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    parent?.append(made);
    return made;
  }
  /** Build what is shown of a packet, once. */
  function prepare(packet) {
    const pre = packet.querySelector('.octets');
    if (pre === null || pre.dataset.ready === '1') return;
    pre.dataset.ready = '1';
    const octets = (pre.textContent.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
    const name = packet.querySelector('summary b').textContent;
    pre.textContent = '';
    pre.tabIndex = 0;
    pre.setAttribute('aria-label', `octets of packet ${name}`);
    for (const [at, octet] of octets.entries()) {
      if (at % 16 === 0) pre.append(`${at === 0 ? '' : '\n'}${at.toString(16).padStart(4, '0')}  `);
      const one = element('span', octet.toString(16).padStart(2, '0'), pre);
      one.dataset.at = String(at);
      pre.append(' ');
    }
    const fields = document.createElement('div');
    fields.className = 'fields';
    fields.setAttribute('role', 'group');
    fields.setAttribute('aria-label', `fields of packet ${name}; arrow keys go through them`);
    for (const [layer, list] of layouts[Number(pre.dataset.l)] ?? []) {
      const section = element('section', undefined, fields);
      element('h5', layer, section);
      const ul = element('ul', undefined, section);
      for (const [path, offset, length, kind, first, count] of list) {
        const li = element('li', undefined, ul);
        li.tabIndex = -1;
        li.dataset.o = `${offset},${length}`;
        const label = element('span', path, li);
        if (count !== undefined) element('small', ` ${count} bit${count === 1 ? '' : 's'}`, label);
        element('code', valueIn(octets.slice(offset, offset + length), kind, first, count), li);
      }
    }
    const [start] = fields.querySelectorAll('li');
    if (start !== undefined) start.tabIndex = 0;
    const decode = document.createElement('div');
    decode.className = 'decode';
    pre.replaceWith(decode);
    decode.append(fields, pre);
  }
  function light(packet, field) {
    for (const one of packet.querySelectorAll('.lit')) one.classList.remove('lit');
    const [offset, length] = field.dataset.o.split(',').map(Number);
    field.classList.add('lit');
    const spans = packet.querySelectorAll('.octets span');
    for (let at = offset; at < offset + length; at += 1) spans[at]?.classList.add('lit');
  }
  function follow({ target }) {
    const packet = target instanceof Element ? target.closest('.packet') : null;
    if (packet === null) return;
    const at = target.dataset.at === undefined ? undefined : Number(target.dataset.at);
    const field =
      target.closest('.fields li') ??
      [...packet.querySelectorAll('.fields li')].find((one) => {
        const [offset, length] = one.dataset.o.split(',').map(Number);
        return at >= offset && at < offset + length;
      });
    if (field !== undefined) light(packet, field);
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
