/** Linux networking without any knowledge of the protocol under test. */
export { realtimeNs } from './clock.ts';
export {
  type DeviceFacts,
  deviceFacts,
  disableOffloads,
  offloadIsOn,
  offloadNames,
  setOffload,
} from './device.ts';
export { readSysctl } from './device-state.ts';
export { KernelError, NetError } from './errors.ts';
export type { Frame } from './frame-ring.ts';
export { administratorEnvironment, ipBatch, ipJson } from './ip-command.ts';
export { exitOnSignals, isIsolated, isolated, mountPrivateRun } from './isolate.ts';
export {
  exclusively,
  type JournalFile,
  journalFolder,
  type Restored,
  readJournals,
  restoreAbandoned,
} from './journal.ts';
export {
  isChanging,
  isOwnNamespace,
  type LinkPlan,
  type OpenLinks,
  openLinks,
  type ReadyLink,
} from './links.ts';
export {
  createNamespace,
  deleteNamespace,
  inNamespace,
  type Namespace,
  openNamespace,
  withNamespace,
  writeSysctls,
} from './namespace.ts';
export { drainPorts, openPacketPort, type PacketPort, type PacketPortOptions } from './packet-port.ts';
export { type Preflight, preflight } from './preflight.ts';
export { noProxyDelay, quietSysctls } from './quiet.ts';
export { openRawSender, type RawSender } from './raw-sender.ts';
export { openRoutes, type Routes } from './routes.ts';
export { openSink, type SinkOptions } from './sink.ts';
export { connectTcp, listenTcp } from './tcp.ts';
export { undoText } from './undo.ts';
