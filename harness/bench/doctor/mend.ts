/** Mends of the settings of the harness's own port devices, put back afterwards. */
import {
  inNamespace,
  offloadIsOn,
  offloadNames,
  openNamespace,
  readSysctl,
  setOffload,
  writeSysctls,
} from '../../net/index.ts';
import type { PortLink, Profile } from '../../vectors/profile.ts';
import type { Fix } from './finding.ts';
import { type PlacedPort, portFindings } from './ports.ts';

/** Mend what is safe to mend; returns what puts it back. `tell` is told of each change. Throws KernelError or NetError. */
export function mendSettings(
  profile: Profile,
  ports: readonly PlacedPort[],
  tell: (line: string) => void,
): () => void {
  const undo: (() => void)[] = [];
  for (const { fix } of portFindings(profile, ports, false)) {
    const link = ports.find(({ name }) => name === fix?.port)?.link;
    if (fix === undefined || link === undefined) continue;
    tell(
      `mending ${fix.kind === 'sysctl' ? fix.name : `offloads of ${link.device}`} for as long as this takes`,
    );
    undo.push(mend(fix, link));
  }
  return () => {
    for (const back of undo.splice(0).reverse()) back();
  };
}

function mend(fix: Fix, { device, namespace: path }: PortLink): () => void {
  const within = <T>(work: (namespace: ReturnType<typeof openNamespace> | undefined) => T): T => {
    const namespace = path === undefined ? undefined : openNamespace(path);
    try {
      return work(namespace);
    } finally {
      namespace?.close();
    }
  };
  return within((namespace) => {
    if (fix.kind === 'sysctl') {
      const before = inNamespace(namespace, () => readSysctl(fix.name)) ?? '0';
      writeSysctls(namespace, { [fix.name]: fix.value });
      return () => within((again) => writeSysctls(again, { [fix.name]: before }));
    }
    const on = offloadNames.filter((one) => offloadIsOn(device, one, namespace) === true);
    for (const one of on) setOffload(device, one, false, namespace);
    return () =>
      within((again) => {
        for (const one of on) setOffload(device, one, true, again);
      });
  });
}
