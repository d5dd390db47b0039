/** Seconds from the epoch of NTP (1900) to that of Unix. */
const ntpOffset = 2208988800n;

/** NTP time (RFC 3344 5.7.1): seconds since 1900 in the high 32 bits, their fraction in the low 32. */
export function ntpTime(unixNs: bigint): bigint {
  const seconds = unixNs / 1000000000n + ntpOffset;
  const fraction = ((unixNs % 1000000000n) << 32n) / 1000000000n;
  return BigInt.asUintN(64, (seconds << 32n) | fraction);
}
