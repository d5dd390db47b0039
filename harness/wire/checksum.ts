/**
 * The internet checksum of RFC 1071 over `octets[start..end)`: the value to put into the (zero) checksum field, or 0
 * when the field already holds the right one. `initial` is a sum to start from, such as that of a pseudo header.
 */
export function internetChecksum(
  octets: Uint8Array,
  start = 0,
  end: number = octets.length,
  initial = 0,
): number {
  return ~foldSum(initial + sumWords(octets, start, end)) & 0xffff;
}

/** Where a packet keeps the addresses that its transport checksums cover. */
export interface NetworkAddresses {
  sourceAt: number;
  destinationAt: number;
  /** 4 or 16. */
  addressLength: number;
}

/** The sum of the pseudo header of RFC 768 (IPv4) or RFC 2460 8.1 (IPv6): both add the same words. */
export function pseudoHeaderSum(
  octets: Uint8Array,
  network: NetworkAddresses,
  protocol: number,
  length: number,
): number {
  const { sourceAt, destinationAt, addressLength } = network;
  return (
    sumWords(octets, sourceAt, sourceAt + addressLength) +
    sumWords(octets, destinationAt, destinationAt + addressLength) +
    protocol +
    (length & 0xffff) +
    (length >>> 16)
  );
}

/** Sum of 16-bit words, the last padded with zero; stays exact for anything shorter than 2^37 octets. */
function sumWords(octets: Uint8Array, start: number, end: number): number {
  let sum = 0;
  let at = start;
  for (const last = end - 1; at < last; at += 2) {
    sum += ((octets[at] as number) << 8) | (octets[at + 1] as number);
  }
  return at < end ? sum + ((octets[at] as number) << 8) : sum;
}

function foldSum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded % 0x10000) + Math.floor(folded / 0x10000);
  return folded;
}
