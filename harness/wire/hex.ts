import { EncodeError } from './errors.ts';

/** The two lower-case hex digits of every octet. */
export const hexOctet: readonly string[] = Array.from({ length: 256 }, (_, value) =>
  value.toString(16).padStart(2, '0'),
);

/** Below this many octets, joining table entries is faster than a Buffer. */
const shortOctets = 24;

/** Lower-case hex digits of `octets[start..end)`, without separators. */
export function toHex(octets: Uint8Array, start = 0, end = octets.length): string {
  if (end - start > shortOctets) {
    return Buffer.from(octets.buffer, octets.byteOffset + start, end - start).toString('hex');
  }
  let text = '';
  for (let at = start; at < end; at++) text += hexOctet[octets[at] as number];
  return text;
}

/** The octets of a string of hex digits in either case. Throws EncodeError `WIRE_HEX`. */
export function fromHex(text: string): Uint8Array {
  const octets = new Uint8Array(typeof text === 'string' ? text.length >> 1 : 0);
  putHex(text, octets, 0, 'hex text');
  return octets;
}

/** Write hex digits as octets at `octets[at]`; there must be room. Returns how many octets were written. */
export function putHex(text: string, octets: Uint8Array, at: number, field: string): number {
  if (typeof text !== 'string' || text.length % 2 !== 0) {
    throw new EncodeError('WIRE_HEX', `${field}: an even number of hex digits is wanted`);
  }
  for (let index = 0; index < text.length; index += 2) {
    const high = digitValue(text.charCodeAt(index));
    const low = digitValue(text.charCodeAt(index + 1));
    if (high < 0 || low < 0) {
      throw new EncodeError('WIRE_HEX', `${field}: '${text.slice(index, index + 2)}' is not a hex octet`);
    }
    octets[at + (index >> 1)] = (high << 4) | low;
  }
  return text.length >> 1;
}

/** The value of a hex digit given by its character code; -1 when it is none. */
export function digitValue(character: number): number {
  if (character >= 48 && character <= 57) return character - 48;
  const lower = character | 0x20;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
