/** Lines of the same layer stand in one row, and the field that differs is found in both. */
import t from 'tap';
import { judgement } from '../testing/samples.ts';
import { alignedRows, comparison, fieldIn } from './comparison.ts';
import { inputOf } from './input.ts';

const expected = [
  'IPv4 10.1.0.1 > 10.10.128.145 protocol 41',
  'IPv6 2001:db8:1::2 > 2001:db8:1::1:49 hopLimit 63',
  'UDP',
];
const actual = [
  'IPv4 10.1.0.1 > 10.10.128.145 protocol 4, ttl 63',
  'IPv4 10.1.0.1 > 10.1.1.73 protocol 41, ttl 64',
  'IPv6 2001:db8:1::2 > 2001:db8:1::1:49 nextHeader 17, hopLimit 63',
  'UDP sourcePort 4000, destinationPort 9',
];

t.test('rows', async (t) => {
  t.same(
    alignedRows(expected, actual).map((row) => [row.layer, row.expected, row.actual]),
    [
      ['IPv4', expected[0], actual[0]],
      ['IPv4', undefined, actual[1]],
      ['IPv6', expected[1], actual[2]],
      ['UDP', expected[2], actual[3]],
    ],
    'a header too many stands alone',
  );
  t.same(
    alignedRows(
      ['any layers', 'registration reply code 0'],
      ['IPv4 a > b', 'UDP', 'registration reply code 1'],
    ).map((row) => [row.expected, row.actual]),
    [
      ['any layers', 'IPv4 a > b'],
      ['any layers', 'UDP'],
      ['registration reply code 0', 'registration reply code 1'],
    ],
    'what may be anything stands beside whatever came',
  );
  t.same(
    alignedRows(['any layers', 'registration reply'], ['nothing']).map((row) => [row.expected, row.actual]),
    [
      ['any layers', undefined],
      ['registration reply', undefined],
      [undefined, 'nothing'],
    ],
  );
});

t.test('fields', async (t) => {
  const found = (line: string, path: string, value: string): string | undefined => {
    const place = fieldIn(line, path, value);
    return place === undefined ? undefined : line.slice(...place);
  };
  const reply =
    'registration reply code 0, lifetimeSeconds 300, extensions [mobileNodeNai(length 16), ipv6Code(length 2, code 2, reserved 0)]';
  t.equal(found('IPv4 10.1.0.1 > 10.1.0.1 protocol 4, ttl 63', 'ipv4.protocol', '4'), 'protocol 4');
  t.equal(
    found('IPv4 10.1.0.1 > 10.1.0.1 protocol 41', 'ipv4.protocol', '4'),
    'protocol 41',
    'never half a number',
  );
  t.same(fieldIn('IPv4 10.1.0.1 > 10.1.0.1 protocol 4', 'ipv4.destination', '10.1.0.1'), [16, 24]);
  t.same(fieldIn('IPv4 10.1.0.1 > 10.1.0.1 protocol 4', 'ipv4.source', '10.1.0.1'), [5, 13]);
  t.equal(found(reply, 'registrationReply.extensions.ipv6Code.code', '2'), 'code 2', 'that of the extension');
  t.equal(found(reply, 'registrationReply.code', '0'), 'code 0');
  t.equal(
    found('registration reply code one of 0, 1', 'registrationReply.code', 'one of 0, 1'),
    'code one of 0, 1',
  );
  t.equal(found('IPv4', 'ipv4.ttl', '64'), undefined);
});

t.test('the table', async (t) => {
  const text = String(
    comparison(
      judgement('4.3-a', 'FAIL', {
        expected,
        actual,
        difference: { path: 'ipv4.protocol', expected: '41', actual: '4' },
      }),
    ),
  );
  const marks = [...text.matchAll(/<mark>(.*?)<\/mark>/g)].map(([, inside]) => inside);
  t.same(marks, [
    '<span class="unseen">first difference: </span>protocol 41',
    '<span class="unseen">first difference: </span>protocol 4',
  ]);
  const absent = String(
    comparison(
      judgement('4.3-a', 'FAIL', {
        expected: ['any layers', 'registration reply extensions {ipv6Code}'],
        actual: ['UDP', 'registration reply code 0, extensions [mobileHomeAuthentication]'],
        difference: { path: 'registrationReply.extensions.ipv6Code', expected: 'present', actual: 'absent' },
      }),
    ),
  );
  t.match(absent, /<span class="unseen">first difference: <\/span>ipv6Code</);
  t.match(absent, /expected <code>present<\/code>, actual <code>absent<\/code>/);
  const silence = String(
    comparison(judgement('4.3-a', 'PASS', { expected: ['nothing like: any layers'], actual: ['nothing'] })),
  );
  t.notMatch(silence, /first difference|Layer/);
});

t.test('the input that stops a device', async (t) => {
  const packets = [`45${'00'.repeat(15)}ff01`, ...Array<string>(40).fill('4500')];
  const text = String(inputOf(judgement('robust-a', 'FAIL', { input: { port: 'mn', packets } })));
  t.match(text, /sent at port mn: 41 packets<\/summary>/);
  t.ok(text.includes(`<li>0000  45${' 00'.repeat(15)}</li><li>0010  ff 01</li>`));
  t.equal(text.match(/<ul/g)?.length, 16);
  t.ok(text.includes('and 25 more packets, which results.json has'));
  const hostile = String(
    inputOf(judgement('robust-a', 'FAIL', { input: { port: '<b>', packets: ['<i>'] } })),
  );
  t.notMatch(hostile, /<[bi]>/);
  t.equal(String(inputOf(judgement('4.3-a', 'FAIL'))), '', 'nothing of other judgements');
});
