/** The doctor: what is wrong around a device is found, with its mend, and no run blames the device for it. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { SeenFrame } from '../engine/bench.ts';
import { isolated } from '../net/index.ts';
import { projectRoot } from '../vectors/load.ts';
import { loadProfile } from '../vectors/profile.ts';
import { decodePacket, encodePacket, type Packet, type SecurityAssociation } from '../wire/index.ts';
import { unborne } from './claims/record.ts';
import { evidenceIn } from './claims/rules.ts';
import { algorithms, authenticityOf } from './doctor/authenticators.ts';
import { checksumFindings } from './doctor/checksums.ts';
import { groupsOf } from './doctor/examine.ts';
import { requestFindings } from './doctor/mobile-node.ts';
import { clockOffset } from './doctor/registration.ts';
import type { Found } from './doctor-probe.ts';

const probe = fileURLToPath(new URL('./doctor-probe.ts', import.meta.url));
/** Side by side: they wait more than they work, as a device that keeps silent is waited for. */
const lanes = [
  'right,not claimed,clock,one entry',
  'numbers,other agent,key,hmac-sha1,keyed-md5,keyed-md5-spi-covered',
  'swapped,absent',
  'silent',
];
t.setTimeout(120_000);

t.test('runs against a device that the profile describes wrongly', { timeout: 90_000 }, async (t) => {
  const { command, args } = isolated([process.execPath, '--import', 'tsx', probe, ...lanes]);
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  const watchdog = setTimeout(() => child.kill('SIGKILL'), 80_000);
  t.equal(await new Promise((resolve) => child.once('close', resolve)), 0);
  clearTimeout(watchdog);
  const all = JSON.parse(text) as { [name: string]: Found };
  const of = (name: string): Found => all[name] as Found;
  const withVerdict = (name: string, verdict: string): string[] =>
    of(name)
      .outcomes.filter((one) => one.verdict === verdict)
      .map(({ id }) => id.replace(/@.*/, ''));
  const advertisement = 'ha-advertisement-a-flag';
  const tunnel = 'ha-tunnel-mode/r0-t0';
  const others = ['ha-reply', 'ha-replay/stale', 'ha-proxy-arp'];

  for (const [name, { outcomes }] of Object.entries(all)) {
    t.ok(outcomes.length >= 4, name);
    t.notMatch(outcomes.map(({ verdict }) => verdict).join(), /FAIL|WARN|ERROR/, `${name}: nobody is blamed`);
  }
  t.same(withVerdict('right', 'PASS'), [...others, tunnel, advertisement]);
  t.same(of('right').findings, []);

  /** Nothing is judged, for a cause with its mend. */
  const nothing = (name: string, cause: RegExp): void => {
    t.equal(withVerdict(name, 'INCONCLUSIVE').length, 4, name);
    for (const { id, reason } of of(name).outcomes) t.match(reason, cause, `${name}: ${id}`);
  };
  nothing('key', /^wrong key or algorithm: reply 131 .*; check the entry of mobile node 1/);
  for (const name of ['hmac-sha1', 'keyed-md5', 'keyed-md5-spi-covered'])
    nothing(
      name,
      /^wrong key or algorithm: the device accepts hmac-md5 .*; say "algorithm": "hmac-md5" in the entry/,
    );
  nothing('clock', /^the device's clock is 3(599|600|601) s behind .*; set both clocks by NTP/);
  nothing('swapped', /^ixit\.homeAgent\.address 10\.12\.0\.2 is an address of port cn, .*swapped/);
  nothing(
    'silent',
    /^10\.1\.0\.1 answers ping, but no registration request.*; check that the home-agent runs/,
  );
  nothing(
    'absent',
    /^10\.1\.0\.1 is there, but nothing listens there on UDP port 434 .*; start the home-agent/,
  );

  t.same(withVerdict('numbers', 'PASS'), others, 'what needs no extension is judged');
  t.match(of('numbers').spoilers, [
    {
      check: 'type numbers',
      spoils: 'extensions',
      found:
        /"ipv6HomeAddress" is 200 to the device, and 210 in the profile; "ipv6Code" is 202 to the device/,
      mend: /^set ixit\.extensionTypes/,
    },
  ]);
  t.same(withVerdict('other agent', 'PASS'), [...others, tunnel]);
  t.match(of('other agent').spoilers, [
    { spoils: 'advertisements', found: /10\.1\.0\.77 \(02:00:00:00:00:99\)/, mend: /^switch it off/ },
  ]);
  t.equal(withVerdict('one entry', 'PASS').length, 4, 'the mobile nodes that it takes are used');
  t.match(of('one entry').spoilers, [{ check: 'key', spoils: 'mobile nodes', mobileNodes: [40, 41] }]);
  t.match(of('one entry').findings.join(), /wrong key or algorithm.*the 8 behind it in its entry/);

  const contradicted = of('not claimed').claims.filter(({ contradicts }) => contradicts);
  t.match(contradicted, [
    { entry: 'reverseTunnelingRequired', claimed: true, observed: false, because: /without T was taken/ },
    { entry: 'advertises', claimed: false, observed: true, because: /agent advertisement on the home link/ },
  ]);
  t.equal(contradicted.length, 2);
});

const lab = (name: string) => loadProfile(join(projectRoot, `harness/bench/lab/${name}.profile.json`));

const frame = (
  packet: Packet,
  association?: SecurityAssociation,
  port: SeenFrame['port'] = 'link',
): SeenFrame => {
  const octets = encodePacket(
    packet,
    association === undefined ? {} : { associations: { mobileHome: association } },
  );
  return { port, timeNs: 0, outgoing: false, octets, decoded: decodePacket(octets, 'ethernet') };
};

const link: Packet = [
  { ethernet: { destination: '02:00:00:00:00:01', source: '02:00:00:00:00:02' } },
  { ipv4: { source: '10.1.1.1', destination: '10.20.0.1', ttl: 255 } },
  { udp: { sourcePort: 434, destinationPort: 434 } },
];

t.test('a mobile node that the profile describes wrongly', (t) => {
  const profile = lab('mobile-node');
  const [node] = profile.mobileNodes;
  if (node === undefined) throw new Error('the profile has no mobile node');
  const nowSeconds = 1_900_000_000;
  const identification = `${(nowSeconds + 2_208_988_800).toString(16)}00000000`;
  const request = (extensions: object[], more: object = {}): Packet => [
    ...link,
    {
      registrationRequest: {
        homeAddress: node.ipv4HomeAddress,
        homeAgent: '10.1.0.1',
        careOfAddress: '10.20.0.1',
        identification,
        lifetimeSeconds: 300,
        extensions: [...extensions, { mobileHomeAuthentication: {} }] as never,
        ...more,
      },
    },
  ];
  const spoilersOf = (packet: Packet, association: SecurityAssociation): (string | undefined)[] =>
    requestFindings(profile, [frame(packet, association)], BigInt(nowSeconds) * 1_000_000_000n).flatMap(
      ({ state, found }) => (state === 'ok' ? [] : [found]),
    );
  t.same(spoilersOf(request([]), node.association), []);
  for (const algorithm of algorithms.filter((one) => one !== node.association.algorithm))
    t.match(spoilersOf(request([]), { ...node.association, algorithm }), [
      new RegExp(`^wrong key or algorithm: .* by ${algorithm}`),
    ]);
  t.match(spoilersOf(request([]), { ...node.association, key: new Uint8Array(16) }), [
    /by none of the algorithms/,
  ]);
  t.match(spoilersOf(request([]), { ...node.association, spi: 7777 }), [/^wrong SPI: .* SPI 7777/]);
  const late = { identification: `${(nowSeconds + 3600 + 2_208_988_800).toString(16)}00000000` };
  t.match(spoilersOf(request([], late), node.association), [/clock of mobile node 1 .* is 3600 s ahead of/]);
  t.match(spoilersOf(request([], { identification: '00000001deadbeef' }), node.association), [
    /no timestamp/,
  ]);
  const elsewhere = [{ ipv6HomeAddress: { type: 222, address: node.ipv6HomeAddress } }];
  t.match(spoilersOf(request(elsewhere), node.association), [/as extension 222, and the profile says 200/]);

  const evidence = evidenceIn(
    profile,
    [frame(request([{ ipv6HomeAddress: { address: '::' } }], { reverseTunneling: true }), node.association)],
    nowSeconds,
  );
  const value = (entry: string): unknown => evidence.find((one) => one.entry === entry)?.value;
  t.equal(value('ipv6Extensions'), true);
  t.equal(value('dynamicIpv6HomeAddress'), 'zero');
  t.equal(value('reverseTunneling'), true);
  t.equal(value('foreignAgents'), true);
  t.equal(value('mobileForeignSecurity'), false);
  t.equal(value('colocated'), undefined, 'nothing is said of what was not seen');
  t.end();
});

t.test('hostile octets show nothing', (t) => {
  const profile = lab('home-agent');
  const whole = encodePacket([
    ...link,
    {
      registrationReply: {
        homeAddress: '10.1.1.1',
        homeAgent: '10.1.0.1',
        identification: '0000000000000001',
        extensions: [{ mobileHomeAuthentication: { spi: 1, authenticator: '' } }, { ipv6Code: { code: 3 } }],
      },
    },
  ]);
  const association = profile.mobileNodes[0]?.association as SecurityAssociation;
  for (let length = 0; length <= whole.length; length += 1) {
    const octets = whole.subarray(0, length);
    const cut: SeenFrame = {
      port: 'mn',
      timeNs: 0,
      outgoing: false,
      octets,
      decoded: decodePacket(octets, 'ethernet'),
    };
    t.same(evidenceIn(profile, [cut], 0), [], `${length} octets`);
    t.not(authenticityOf(cut, 'mobileHomeAuthentication', association).kind, 'verified');
    t.same(checksumFindings([cut]), []);
  }
  t.equal(clockOffset(undefined, 0), undefined);
  t.equal(clockOffset('zz', 0), undefined);
  t.end();
});

t.test('checksums that a kernel left to a network card', (t) => {
  const sum = (words: number[]): number => {
    const all = words.reduce((before, word) => before + word, 0);
    return (all & 0xffff) + (all >>> 16);
  };
  // Of the pseudo header: 10.1.1.1, 10.20.0.1, UDP, a length of 8 + 4.
  const unfinished = sum([0x0a01, 0x0101, 0x0a14, 0x0001, 17, 12]);
  const udp = (checksum: number): Packet => [
    ...link.slice(0, 2),
    { udp: { sourcePort: 434, destinationPort: 9, checksum } },
    { payload: '01020304' },
  ];
  t.match(checksumFindings([frame(udp(unfinished))]), [{ spoiler: { spoils: 'checksums' }, mend: /tx off/ }]);
  t.same(checksumFindings([frame(udp(unfinished + 1))]), [], 'what is merely wrong is the device');
  t.end();
});

t.test('claims that no test bears out', (t) => {
  const ics = { ipv6Extensions: true, nonces: false, natTraversal: true, advertises: true };
  const tests = [1, 2, 3, 4].flatMap((n) => [
    { id: `nat-${n}`, requires: 'natTraversal and not nonces' },
    { id: `advertises-${n}`, requires: 'advertises' },
    { id: `any-${n}`, requires: 'true' },
  ]);
  const outcomes = new Map(
    tests.map(({ id }) => [
      id,
      {
        verdict:
          id === 'advertises-1'
            ? ('PASS' as const)
            : id === 'nat-1'
              ? ('INCONCLUSIVE' as const)
              : ('FAIL' as const),
      },
    ]),
  );
  t.match(unborne(ics, tests, outcomes), [
    {
      entry: 'natTraversal',
      observed: false,
      because: /of the 4 tests that need it none passed, and 3 failed/,
    },
  ]);
  t.equal(unborne(ics, tests, outcomes).length, 1);
  t.end();
});

t.test('entries of a profile are told apart by their mobile nodes', (t) => {
  t.same(
    groupsOf(lab('foreign-agent').mobileNodes).map((group) => group.length),
    [100, 100, 100, 100, 100, 100],
  );
  t.equal(groupsOf(lab('home-agent').mobileNodes).length, 1);
  t.end();
});
