import { createRequire } from 'node:module';
import type * as Koffi from 'koffi';
import { KernelError } from './errors.ts';

/**
 * The system calls that Node.js does not offer, bound once and on first use, so that importing this package never
 * fails: `preflight` must be able to say why koffi does not load.
 *
 * Constants and structure layouts are those of 64-bit little-endian Linux, where x86-64 and arm64 agree.
 */

/** Memory handed to the kernel; null where the call allows it. */
export type Memory = ArrayBufferView | bigint | null;

export interface Libc {
  setns(fd: number, type: number): number;
  unshare(flags: number): number;
  mount(source: string, target: string, type: string | null, flags: number, data: string | null): number;
  umount2(target: string, flags: number): number;
  socket(family: number, type: number, protocol: number): number;
  bind(fd: number, address: Memory, length: number): number;
  setsockopt(fd: number, level: number, option: number, value: Memory, length: number): number;
  getsockopt(fd: number, level: number, option: number, value: Memory, length: Memory): number;
  send(fd: number, octets: Memory, length: number, flags: number): number;
  recv(fd: number, octets: Memory, length: number, flags: number): number;
  ioctl(fd: number, request: number, argument: Memory): number;
  mmap(
    address: Memory,
    length: number,
    protection: number,
    flags: number,
    fd: number,
    offset: number,
  ): bigint;
  munmap(address: bigint, length: number): number;
  close(fd: number): number;
  flock(fd: number, operation: number): number;
  clock_gettime(clock: number, timespec: Memory): number;
  if_nametoindex(name: string): number;
  strerror(errno: number): string;
}

export const CLONE_NEWNET = 0x40000000;
export const MS_BIND = 0x1000;
export const MS_NOSUID = 2;
export const MS_NODEV = 4;
export const MNT_DETACH = 2;
export const LOCK_EX = 2;
export const LOCK_NB = 4;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const AF_PACKET = 17;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;
export const SOL_SOCKET = 1;
export const SO_ERROR = 4;

const declarations: Record<keyof Libc, string> = {
  setns: 'int setns(int fd, int type)',
  unshare: 'int unshare(int flags)',
  mount: 'int mount(const char *source, const char *target, const char *type, ulong flags, const char *data)',
  umount2: 'int umount2(const char *target, int flags)',
  socket: 'int socket(int family, int type, int protocol)',
  bind: 'int bind(int fd, void *address, uint32_t length)',
  setsockopt: 'int setsockopt(int fd, int level, int option, void *value, uint32_t length)',
  getsockopt: 'int getsockopt(int fd, int level, int option, void *value, void *length)',
  send: 'int64_t send(int fd, void *octets, size_t length, int flags)',
  recv: 'int64_t recv(int fd, void *octets, size_t length, int flags)',
  ioctl: 'int ioctl(int fd, ulong request, void *argument)',
  mmap: 'void *mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset)',
  munmap: 'int munmap(void *address, size_t length)',
  close: 'int close(int fd)',
  flock: 'int flock(int fd, int operation)',
  clock_gettime: 'int clock_gettime(int clock, void *timespec)',
  if_nametoindex: 'uint32_t if_nametoindex(const char *name)',
  strerror: 'const char *strerror(int number)',
};

const require = createRequire(import.meta.url);
let loadedKoffi: typeof Koffi | undefined;
let loadedLibc: Libc | undefined;
let errnoNames: Map<number, string> | undefined;

/** The foreign function interface. Throws what the module loader throws. */
export function koffi(): typeof Koffi {
  loadedKoffi ??= require('koffi') as typeof Koffi;
  return loadedKoffi;
}

/** The bound system calls. Throws when koffi does not load. */
export function libc(): Libc {
  if (loadedLibc === undefined) {
    // Null is the program itself, which carries its C library with it: no file name, so glibc and musl alike.
    const program = koffi().load(null);
    const bound = Object.entries(declarations).map(([name, declaration]) => [
      name,
      program.func(declaration),
    ]);
    loadedLibc = Object.fromEntries(bound) as Libc;
  }
  return loadedLibc;
}

/** The name of an errno value, `errno 999` when it has none. */
export function errnoName(errno: number): string {
  // Where two names share a value the alphabetically first one is used: EAGAIN and not EWOULDBLOCK.
  const named = (): [number, string][] =>
    Object.entries(koffi().os.errno).map(([name, value]) => [value, name]);
  errnoNames ??= new Map(named().sort(([, a], [, b]) => (a < b ? 1 : -1)));
  return errnoNames.get(errno) ?? `errno ${errno}`;
}

/** The error of the call that has just failed; `doing` completes "cannot ...". */
export function lastError(doing: string, advice?: string): KernelError {
  return errorOf(koffi().errno(), doing, advice);
}

/** An errno value as an error; `doing` completes "cannot ...". */
export function errorOf(errno: number, doing: string, advice?: string): KernelError {
  return new KernelError(doing, errnoName(errno), libc().strerror(errno), advice);
}

/** Gives the result of a system call back, or throws a KernelError when it is negative. */
export function check(result: number, doing: string, advice?: string): number {
  if (result < 0) throw lastError(doing, advice);
  return result;
}

/** The errno name for the system's words, as the raw-socket package reports its errors. */
export function errnoNameOfWords(words: string): string | undefined {
  const found = Object.values(koffi().os.errno).find((errno) => libc().strerror(errno) === words);
  return found === undefined ? undefined : errnoName(found);
}

/** A 32-bit integer in memory, as socket options take it. */
export function int32(value: number): Int32Array {
  return Int32Array.of(value);
}
