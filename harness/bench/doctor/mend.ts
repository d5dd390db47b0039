/** Mends of the settings of the harness's own port devices. They stay, as runs need them; how to put each back is told. */
import {
  inNamespace,
  type Namespace,
  offloadIsOn,
  offloadNames,
  readSysctl,
  setOffload,
  withNamespace,
  writeSysctls,
} from '../../net/index.ts';
import type { PortLink, Profile } from '../../vectors/profile.ts';
import { type Finding, type Fix, note } from './finding.ts';
import { type PlacedPort, portFindings } from './ports.ts';

/** Mend what is safe to mend; a finding for each change. Throws KernelError or NetError. */
export function mendSettings(profile: Profile, ports: readonly PlacedPort[]): Finding[] {
  return portFindings(profile, ports, false).flatMap(({ fix }) => {
    const link = ports.find(({ name }) => name === fix?.port)?.link;
    return fix === undefined || link === undefined ? [] : [mend(fix, link)];
  });
}

const mend = (fix: Fix, link: PortLink): Finding =>
  withNamespace(link.namespace, (namespace) => mendWithin(fix, link, namespace));

function mendWithin(
  fix: Fix,
  { device, namespace: path }: PortLink,
  namespace: Namespace | undefined,
): Finding {
  const inside = path === undefined ? '' : `nsenter --net=${path} `;
  if (fix.kind === 'sysctl') {
    const before = inNamespace(namespace, () => readSysctl(fix.name)) ?? '0';
    writeSysctls(namespace, { [fix.name]: fix.value });
    const name = `net.${fix.name.replaceAll('/', '.')}`;
    return note(
      `port ${fix.port}`,
      `${name} was ${before} and is ${fix.value} now`,
      `to put it back: ${inside}sysctl -w ${name}=${before}`,
    );
  }
  const on = offloadNames.filter((one) => offloadIsOn(device, one, namespace) === true);
  for (const one of on) setOffload(device, one, false, namespace);
  return note(
    `port ${fix.port}`,
    `offloads of ${device} were switched off: ${on.join(', ')}`,
    `to put them back: ${inside}ethtool -K ${device} tx on tso on gso on gro on rx on`,
  );
}
