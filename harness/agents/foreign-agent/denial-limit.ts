/** When this many have been denied within one interval, others are not: what is remembered is bounded. */
const rememberedNames = 4096;

/** Whether a mobile node may be sent a denial now: at most one in each interval (RFC 3344 3.7.2, RFC 3024 4.2.1). */
export function createDenialLimit(
  now: () => number,
  intervalMilliseconds: number,
): (name: string) => boolean {
  let sent = new Map<string, number>();

  return (name) => {
    const time = now();
    if (time - (sent.get(name) ?? Number.NEGATIVE_INFINITY) < intervalMilliseconds) {
      return false;
    }
    if (sent.size >= rememberedNames) {
      sent = new Map([...sent].filter(([, at]) => time - at < intervalMilliseconds));
      if (sent.size >= rememberedNames) {
        return false;
      }
    }
    sent.set(name, time);
    return true;
  };
}
