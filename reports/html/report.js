// Filters, evidence that is unpacked when it is opened, links to it, copying. All of it only shows or hides what is on the page.
(() => {
  const root = document.documentElement;
  root.classList.add('scripted');
  const form = document.getElementById('filters');
  form.hidden = false;
  const shown = document.getElementById('shown');
  const expand = document.getElementById('expand');
  const controls = ['q', 'role', 'level', 'verdict', 'section'];
  const clauses = [...document.querySelectorAll('table.clauses > tbody > tr')];
  const tests = [...document.querySelectorAll('details.test')];
  const say = (text) => {
    shown.textContent = text;
  };

  // Texts to search, before any evidence is unpacked.
  const texts = new Map();
  const textOf = (item) => {
    let text = texts.get(item);
    if (text === undefined) {
      text = (item.matches('.test') ? item.querySelector('summary') : item).textContent.toLowerCase();
      texts.set(item, text);
    }
    return text;
  };

  const tokens = (item, name) => item.dataset[name].split('|').slice(1, -1);

  function fits(item, { q, role, level, verdict, section }) {
    const isState = (token) => {
      const at = token.lastIndexOf('=');
      return (
        (role === '' || token.slice(0, at) === role) && (verdict === '' || token.slice(at + 1) === verdict)
      );
    };
    return (
      tokens(item, 'states').some(isState) &&
      (level === '' || tokens(item, 'levels').includes(level)) &&
      (section === '' ||
        tokens(item, 'sections').some((one) => one === section || one.startsWith(`${section}.`))) &&
      q.every((word) => textOf(item).includes(word))
    );
  }

  const chosenIn = (name) => form.elements[name].value.trim();

  function count() {
    const seen = (items) => items.filter((item) => !item.hidden).length;
    const [c, t] = [seen(clauses), seen(tests)];
    say(
      c + t === 0
        ? 'Nothing fits these filters.'
        : `${c} of ${clauses.length} clauses and ${t} of ${tests.length} tests shown.`,
    );
    for (const section of document.querySelectorAll('section.tests'))
      section.hidden =
        section.querySelector('.test') !== null && !section.querySelector('.test:not([hidden])');
  }

  function apply() {
    const wanted = Object.fromEntries(controls.map((name) => [name, chosenIn(name)]));
    wanted.q = wanted.q
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== '');
    for (const item of [...clauses, ...tests]) item.hidden = !fits(item, wanted);
    count();
  }

  function remember() {
    const chosen = new URLSearchParams(
      controls.map((name) => [name, chosenIn(name)]).filter(([, value]) => value !== ''),
    ).toString();
    history.replaceState(null, '', chosen === '' ? location.pathname + location.search : `#?${chosen}`);
  }

  // Evidence
  const folder = (() => {
    if (location.protocol !== 'file:') return undefined;
    try {
      return decodeURIComponent(location.pathname.replace(/\/[^/]*$/, '')) || '/';
    } catch {
      return undefined;
    }
  })();
  const quoted = (word) => (/^[\w@%+:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

  /** Commands that need the folder of the run know it once the page is opened there. */
  function nameFolder(part) {
    if (folder === undefined) return;
    for (const place of part.querySelectorAll('[data-path]'))
      place.textContent = quoted(`${folder}/${place.dataset.path}`.replace(/\/$/, ''));
  }

  // Each block holds the same part of several tests side by side, part by part.
  const blocks = new Map();
  function inflated(number) {
    if (!blocks.has(number)) {
      const { textContent, dataset } = document.getElementById(`block:${number}`);
      const octets = Uint8Array.from(atob(textContent), (char) => char.charCodeAt(0));
      const stream = new Blob([octets]).stream().pipeThrough(new DecompressionStream('gzip'));
      const parts = new Response(stream).text().then((text) => text.split('\0'));
      blocks.set(
        number,
        parts.then((all) => ({ all, tests: Number(dataset.tests) })),
      );
    }
    return blocks.get(number);
  }

  async function evidenceAt({ block, at }) {
    const { all, tests: side } = await inflated(block);
    return all.filter((_, n) => n % side === Number(at)).join('');
  }

  const unpacking = new Map();
  async function unpack(test) {
    const place = test.querySelector('.packed');
    if (place === null) return;
    if (!unpacking.has(place)) unpacking.set(place, unpackInto(place));
    await unpacking.get(place);
  }

  async function unpackInto(place) {
    place.setAttribute('aria-busy', 'true');
    try {
      const template = document.createElement('template');
      template.innerHTML = await evidenceAt(place.dataset);
      nameFolder(template.content);
      place.replaceChildren(template.content);
      place.className = 'unpacked';
    } catch {
      place.textContent =
        'The evidence cannot be unpacked: the file is cut short, or this browser is too old. The capture beside it holds the packets.';
    }
    place.removeAttribute('aria-busy');
  }

  document.addEventListener(
    'toggle',
    ({ target }) => {
      if (target.open && target.matches('details.test')) unpack(target);
    },
    true,
  );

  /** Open whatever holds the element, unpacking it first where it is among the evidence of a test, and go there. */
  async function open(id) {
    const owner = document.getElementById(id.replace(/-f\d+$/, ''));
    if (owner?.matches('details.test')) await unpack(owner);
    const item = document.getElementById(id);
    if (item === null) return;
    for (let at = item; at !== null; at = at.parentElement) {
      if (at.hidden && at.matches('tr, details, section')) at.hidden = false;
      if (at.matches('details')) at.open = true;
    }
    const more = item.matches('tr') ? item.querySelector('details.more') : null;
    if (more !== null) more.open = true;
    count();
    const handle = item.querySelector(':scope > summary') ?? more?.querySelector('summary');
    item.scrollIntoView();
    handle?.focus({ preventScroll: true });
  }

  function follow() {
    if (!location.hash.startsWith('#?')) {
      try {
        if (location.hash.length > 1) open(decodeURIComponent(location.hash.slice(1)));
      } catch {
        // No address of ours.
      }
      return;
    }
    const chosen = new URLSearchParams(location.hash.slice(2));
    for (const name of controls) {
      const control = form.elements[name];
      control.value = chosen.get(name) ?? '';
      if (control.value === '') control.value = '';
      if (control.selectedIndex === -1) control.selectedIndex = 0;
    }
    apply();
    const to = chosen.get('to');
    if (to === 'tests' || to === 'clauses') {
      document.getElementById(to).scrollIntoView();
      remember();
    }
  }

  // Failures, all at once
  const failures = () => tests.filter((test) => test.matches('.broken') && !test.hidden);
  const press = (isPressed) => {
    expand.setAttribute('aria-pressed', String(isPressed));
  };
  if (!tests.some((test) => test.matches('.broken'))) expand.hidden = true;
  expand.addEventListener('click', () => {
    const isPressed = expand.getAttribute('aria-pressed') !== 'true';
    for (const test of failures()) test.open = isPressed;
    press(isPressed);
  });

  form.addEventListener('input', () => {
    apply();
    remember();
  });
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('reset', () => {
    setTimeout(() => {
      apply();
      remember();
    });
  });

  document.addEventListener('keydown', (event) => {
    const isTyping = event.target.matches('input, select, textarea');
    if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    form.elements.q.focus();
    form.elements.q.select();
  });

  async function copy(button) {
    const text = button.previousElementSibling.textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = 'Copied';
    } catch {
      getSelection().selectAllChildren(button.previousElementSibling);
      button.textContent = document.execCommand('copy') ? 'Copied' : 'Selected';
    }
    say(`${button.textContent}: ${text}`);
    setTimeout(() => {
      button.textContent = 'Copy';
    }, 2000);
  }
  document.addEventListener('click', ({ target }) => {
    if (target.matches('button.copy')) copy(target);
  });

  // On paper everything that was broken is open.
  let closed = [];
  addEventListener('beforeprint', () => {
    closed = failures().filter((test) => !test.open);
    for (const test of closed) test.open = true;
  });
  addEventListener('afterprint', () => {
    for (const test of closed) test.open = false;
  });

  nameFolder(document);
  apply();
  addEventListener('hashchange', follow);
  // A link that was followed before changes nothing in the address.
  document.addEventListener('click', ({ target }) => {
    const link = target.closest('a[href^="#"]');
    if (link !== null && link.hash === location.hash) follow();
  });
  follow();
})();
