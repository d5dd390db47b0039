/** Captures as they are written and read, by us and by tshark; the dissector against the codec. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { decodePacket, type ExtensionTypes, encodePacket, type Packet } from '../../harness/wire/index.ts';
import { judgement, outcome, sampleFrames } from '../testing/samples.ts';
import { annotate, CaptureFile, frameKey } from './capture-file.ts';
import { commentsOf } from './comments.ts';
import { type CapturedFrame, readPcapng, writePcapng } from './pcapng.ts';

const folder = mkdtempSync(join(tmpdir(), 'dsmip-evidence-test-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const lua = fileURLToPath(new URL('dsmip.lua', import.meta.url));
const ports = ['mn', 'cn'];
const origin = 1_700_000_000_000_000_000n;
const frames = sampleFrames(origin);

/** Rows of the fields that tshark finds. */
function tshark(file: string, fields: readonly string[], more: readonly string[] = []): string[][] {
  const args = ['-r', file, '-T', 'fields', ...fields.flatMap((name) => ['-e', name]), ...more];
  const { stdout, stderr, status } = spawnSync('tshark', args, { encoding: 'utf8' });
  const said = stderr.replace(/^Running as user.*\n/m, '');
  if (status !== 0 || /lua/i.test(said)) throw new Error(`tshark: ${said}`);
  return stdout
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => line.split('\t'));
}

const step = (name: string, text: string, timeNs: number, numbers: number[] = []) => ({
  part: 'body' as const,
  step: name,
  text,
  ok: true,
  timeNs,
  frames: numbers,
});

const judged = outcome('ha-x@co-located', 'FAIL', {
  steps: [
    step('body[0]', 'at mn sent a request', 1_000_000),
    step('body[1]', 'at mn came a reply', 2_000_000, [2]),
    step('body[2]', 'at cn sent data', 3_000_000),
    step('body[3]', 'at mn came data', 4_000_000, [4]),
    step('body[4]', 'at mn nothing came that answers', 5_000_000),
  ],
  stimuli: [
    { port: 'mn', timeNs: 1_000_000, kind: 'ip', frame: 1 },
    { port: 'cn', timeNs: 3_000_000, kind: 'ip', frame: 3 },
  ],
  judgements: [
    judgement('4.3-i', 'FAIL', { step: 'body[3]', frames: [4] }),
    judgement('4.3-f', 'FAIL', { step: 'body[4]', frames: [], expected: ['a \u001b[31m reply'] }),
    judgement('4.3-a', 'PASS', { step: 'body[5]', frames: [], silence: 'barrier', expected: ['none'] }),
  ],
});

t.test('comments: sent, expected, judged, missed', async (t) => {
  t.same(
    [...commentsOf(judged)].sort((a, b) => a[0] - b[0]),
    [
      [1, ['ha-x@co-located: sent by body[0]']],
      [2, ['ha-x@co-located: body[1] expected it']],
      [
        3,
        [
          'ha-x@co-located: sent by body[2]',
          'ha-x@co-located: missed by body[4], clause 4.3-f: FAIL; expected a \\u{1b}[31m reply',
          'ha-x@co-located: silence after it, body[5], clause 4.3-a: PASS; expected none',
        ],
      ],
      [
        4,
        [
          'ha-x@co-located: body[3] expected it',
          'ha-x@co-located: judged by body[3], clause 4.3-i: FAIL (ipv4.destination: expected 10.10.128.1, actual 10.1.1.1)',
        ],
      ],
    ],
  );
});

t.test('a comment at the input that stops a device', async (t) => {
  const input = { port: 'mn', packets: ['4500'] };
  const stopped = judgement('robust-a', 'FAIL', { step: 'body[0]', frames: [2], input });
  const comments = commentsOf(outcome('ha-x@co-located', 'FAIL', { judgements: [stopped] })).get(2);
  t.equal(comments?.[0], 'ha-x@co-located: the input after which body[0] found the device to answer no more');
});

t.test('a capture that grows, is cut, and gets its comments', async (t) => {
  const path = join(folder, 'run.pcapng');
  const capture = new CaptureFile(path, ports, 'a run');
  for (const frame of frames) capture.add(frame);
  // Somebody may look, or all may end, at any moment.
  const bound = Date.now() + 10_000;
  while ((!existsSync(path) || readFileSync(path).length < 400) && Date.now() < bound)
    await new Promise((resolve) => setTimeout(resolve, 10));
  t.same(readPcapng(readFileSync(path), 'x'), frames, 'it is on the disk before it is closed');
  await capture.close();
  t.match(capture, { frames: 4, lost: 0 });
  const plain = readFileSync(path);
  const cut = plain.subarray(0, plain.length - 5);
  t.throws(() => readPcapng(cut, 'cut'), { message: /cut short.*behind 3 whole packets/ });
  writeFileSync(join(folder, 'cut.pcapng'), cut);
  const { stdout } = spawnSync(
    'tshark',
    ['-r', join(folder, 'cut.pcapng'), '-T', 'fields', '-e', 'frame.number'],
    {
      encoding: 'utf8',
    },
  );
  t.equal(stdout.trim().split('\n').length, 3, 'what is whole of it can be read');
  const comments = new Map([[frameKey(frames[1] as CapturedFrame), ['one: ü', 'two']]]);
  const done = await annotate(path, ports, 'a run', comments);
  t.equal(done?.frames, 4);
  t.same(
    readPcapng(readFileSync(path), 'x'),
    frames.map((frame, at) => (at === 1 ? { ...frame, comments: ['one: ü', 'two'] } : frame)),
  );
  t.same(
    tshark(path, ['frame.interface_name', 'frame.interface_description', 'frame.comment']).map((row) =>
      row.join(' '),
    ),
    ['mn mobile node ', 'mn mobile node one: ü,two', 'cn correspondent node ', 'mn mobile node '],
  );
  const lost = new CaptureFile(join(folder, 'nowhere', 'x'), ports, '');
  lost.add(frames[0] as CapturedFrame);
  await t.rejects(lost.close(), { code: 'ENOENT' });
});

const mac = { ethernet: { destination: '02:00:00:00:00:01', source: '02:00:00:00:00:02' } };
const address = (n: number): string => `2001:db8::${(n + 1).toString(16)}`;

/** Requests and replies with every value of the draft's extensions that matters, plain and within a tunnel. */
function messages(types: ExtensionTypes): Uint8Array[] {
  const plain = [0, 1, 2, 64, 65, 128, 129, 255].flatMap((code, n): Packet[] => [
    [
      { ipv4: { source: '10.0.0.1', destination: '10.0.0.2' } },
      { udp: { sourcePort: 20_000, destinationPort: 434 } },
      {
        registrationRequest: {
          extensions: [
            { criticalVendor: { vendor: 9, value: '0102' } },
            { padding: {} },
            { ipv6HomeAddress: { address: address(n) } },
            { ipv6Compatibility: { reverseTunnel: n % 2 === 0, reserved: n === 3 ? 5 : 0 } },
          ],
        },
      },
    ],
    [
      { ipv4: { source: '10.0.0.2', destination: '10.0.0.1' } },
      { udp: { sourcePort: 434, destinationPort: 20_000 } },
      { registrationReply: { extensions: [{ ipv6Code: { code, reserved: n === 4 ? 1 : 0 } }] } },
    ],
  ]);
  const tunnel = { ipv4: { source: '10.9.0.1', destination: '10.9.0.2', protocol: 4 } };
  return [...plain, [tunnel, ...(plain[1] as Packet)] as Packet].map((packet) =>
    encodePacket([mac, ...packet] as Packet, { types }),
  );
}

/** What the codec says, in the columns that are asked of tshark. */
function ours(octets: Uint8Array, types: ExtensionTypes): string[] {
  const { layers } = decodePacket(octets, 'ethernet', { types });
  const all = layers.flatMap((layer) =>
    'registrationRequest' in layer
      ? (layer.registrationRequest.extensions ?? [])
      : 'registrationReply' in layer
        ? (layer.registrationReply.extensions ?? [])
        : [],
  );
  const of = <T>(pick: (one: (typeof all)[number]) => T | undefined): string =>
    all.flatMap((one) => pick(one) ?? []).join(',');
  return [
    of((one) => ('ipv6HomeAddress' in one ? one.ipv6HomeAddress.address : undefined)),
    of((one) => ('ipv6Compatibility' in one ? Number(one.ipv6Compatibility.reverseTunnel) : undefined)),
    of((one) => ('ipv6Code' in one ? one.ipv6Code.code : undefined)),
  ];
}

const columns = ['dsmip.address', 'dsmip.r', 'dsmip.code'];
const script = ['-X', `lua_script:${lua}`];
const standard: ExtensionTypes = { ipv6HomeAddress: 200, ipv6Compatibility: 201, ipv6Code: 202 };

function captureOf(name: string, all: readonly Uint8Array[]): string {
  const file = join(folder, name);
  const captured = all.map((octets, n) => ({
    port: 'mn',
    timeNs: origin + BigInt(n),
    outgoing: false,
    octets,
  }));
  writeFileSync(file, writePcapng(['mn'], captured, ''));
  return file;
}

t.test('the dissector says what the codec says', async (t) => {
  const all = messages(standard);
  const file = captureOf('standard.pcapng', all);
  t.same(
    tshark(file, columns, script),
    all.map((octets) => ours(octets, standard)),
  );
  const others: ExtensionTypes = { ipv6HomeAddress: 250, ipv6Compatibility: 130, ipv6Code: 200 };
  const other = messages(others);
  const set = [
    ...script,
    ...[
      '-o',
      'dsmip.home_address_type:250',
      '-o',
      'dsmip.compatibility_type:130',
      '-o',
      'dsmip.code_type:200',
    ],
  ];
  t.same(
    tshark(captureOf('others.pcapng', other), columns, set),
    other.map((octets) => ours(octets, others)),
    'with other type numbers',
  );
  t.same(
    tshark(file, ['dsmip.reserved_set', 'dsmip.unknown_code'], script).filter((row) =>
      row.some((cell) => cell !== ''),
    ).length,
    4,
  );
  const equal = tshark(file, ['dsmip.equal_numbers', 'dsmip.code'], [...script, '-o', 'dsmip.code_type:200']);
  t.ok(
    equal.every(([wrong, code]) => wrong !== '' && code === ''),
    'equal numbers are an error',
  );
  const wrong = encodePacket([
    mac,
    { ipv4: { source: '10.0.0.2', destination: '10.0.0.1' } },
    { udp: { sourcePort: 434, destinationPort: 20_000 } },
    {
      registrationReply: {
        extensions: [{ unknown: { type: 202, data: '0102' } }, { unknown: { type: 200, data: '01' } }],
      },
    },
  ] as Packet);
  t.same(
    tshark(captureOf('wrong.pcapng', [wrong]), ['dsmip.wrong_length', 'dsmip.code'], script)[0]?.[0],
    '1',
  );
  const advertisement = (flags: number): Uint8Array =>
    encodePacket([
      mac,
      { ipv4: { source: '10.0.0.2', destination: '224.0.0.1', ttl: 1 } },
      { routerAdvertisement: { extensions: [{ mobilityAgentAdvertisement: { flags } }] } },
    ] as Packet);
  t.same(
    tshark(
      captureOf('advertisements.pcapng', [advertisement(0x1020), advertisement(0x1fdf)]),
      ['dsmip.a'],
      script,
    ),
    [['1'], ['0']],
  );
});

t.test('damaged messages disturb neither tshark nor the dissector', async (t) => {
  const good = messages(standard);
  let state = 20031126;
  const pick = (below: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state % below;
  };
  const damaged = Array.from({ length: 1000 }, () => {
    const octets = Uint8Array.from(good[pick(good.length)] as Uint8Array);
    for (let n = 0; n <= pick(4); n += 1) octets[42 + pick(octets.length - 42)] = pick(256);
    return octets.subarray(0, 43 + pick(octets.length - 42));
  });
  t.equal(
    tshark(captureOf('damaged.pcapng', damaged), ['frame.number', '_ws.lua.error'], script).length,
    1000,
  );
  t.same(
    tshark(captureOf('damaged.pcapng', damaged), ['frame.number'], [...script, '-Y', '_ws.lua.error']),
    [['']],
    'no error of the script',
  );
});
