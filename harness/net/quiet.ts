/** Settings of namespaces of our own, so that their kernels do what a test wants and say nothing of their own accord. */

/**
 * Sysctls for a namespace of ours, for `writeSysctls`; set before any device exists in it, so that devices are born with them.
 * A router's kernel forwards packets.
 */
export function quietSysctls(router: boolean): Record<string, string | number> {
  const forwarding = router ? 1 : 0;
  const both = (name: string, value: number): [string, number][] =>
    ['all', 'default'].map((which) => [name.replace('*', which), value]);
  return Object.fromEntries([
    ['ipv4/ip_forward', forwarding],
    ...both('ipv4/conf/*/rp_filter', 0),
    // A mobile node's packet may come back to where its address is local or blackholed.
    ...both('ipv4/conf/*/accept_local', 1),
    ...both('ipv4/conf/*/send_redirects', 0),
    ...both('ipv4/conf/*/accept_redirects', 0),
    ['?ipv4/icmp_ratelimit', 0],
    ...both('ipv6/conf/*/disable_ipv6', 0),
    ...both('ipv6/conf/*/forwarding', forwarding),
    ...both('ipv6/conf/*/accept_dad', 0),
    ...both('ipv6/conf/*/dad_transmits', 0),
    ...both('ipv6/conf/*/accept_ra', 0),
    ...both('ipv6/conf/*/autoconf', 0),
    ...both('ipv6/conf/*/accept_redirects', 0),
    ...both('ipv6/conf/*/router_solicitations', 0),
    // Multicast listener reports cannot be switched off; what is repeated of them can be put off for an hour.
    ...both('ipv6/conf/*/mldv1_unsolicited_report_interval', 3_600_000),
    ...both('ipv6/conf/*/mldv2_unsolicited_report_interval', 3_600_000),
    ['?ipv6/icmp/ratelimit', 0],
  ]);
}

/** The kernel would answer for proxied neighbours after a random delay. It has no default for this but the device's. */
export function noProxyDelay(device: string): [string, number][] {
  return ['ipv4', 'ipv6'].map((family) => [`${family}/neigh/${device}/proxy_delay`, 0]);
}
