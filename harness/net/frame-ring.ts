import { check, int32, koffi, lastError, libc } from './libc.ts';

/** A frame as it passed the device. */
export interface Frame {
  /** From the link header on; a copy that the receiver may keep. */
  octets: Uint8Array;
  /** CLOCK_REALTIME in nanoseconds, taken by the kernel. */
  timeNs: bigint;
  /** True for what left through the device, whoever sent it. */
  outgoing: boolean;
  /** Octets the frame had; more than `octets` holds only when it was longer than the device's MTU allows. */
  wireLength: number;
}

/**
 * A receive ring shared with the kernel (TPACKET_V2): frames, their kernel timestamps and directions are read from
 * memory without a system call, and a burst is kept while the process is busy. An ordinary receive buffer would be
 * limited by net.core.rmem_max, which nobody may raise from within a user namespace.
 */
export interface FrameRing {
  /** Moves the frames that are waiting to the end of `frames`, at most one ring full of them. */
  readInto(frames: Frame[]): void;
  close(): void;
}

const SOL_PACKET = 263;
const PACKET_RX_RING = 5;
const PACKET_VERSION = 10;
const TPACKET_V2 = 1;
const TP_STATUS_KERNEL = 0;
const TP_STATUS_USER = 1;
const PACKET_OUTGOING = 4;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

/** Octets before the network layer in a slot: ring header, link address and their alignment; rounded up. */
const slotHeader = 128;
/** A multiple of every page size in use. */
const smallestBlock = 65536;
const largestRing = 16 * 1024 * 1024;
/** Offset of `sll_pkttype`: the link address follows the 32-octet ring header. */
const packetType = 32 + 10;

/** Makes the ring of a packet socket that is not bound yet. `place` is for messages. */
export function openFrameRing(fd: number, mtu: number, wanted: number, place: string): FrameRing {
  const slot = 2 ** Math.ceil(Math.log2(mtu + slotHeader));
  const block = Math.max(smallestBlock, slot);
  check(
    libc().setsockopt(fd, SOL_PACKET, PACKET_VERSION, int32(TPACKET_V2), 4),
    `choose the format of the receive ring of ${place}`,
  );
  const slots = reserve(fd, slot, block, Math.min(wanted, Math.floor(largestRing / slot)), place);
  const length = slots * slot;
  const address = libc().mmap(null, length, PROT_READ_WRITE, MAP_SHARED, fd, 0);
  if (BigInt.asUintN(64, address) === MAP_FAILED) throw lastError(`map the receive ring of ${place}`);

  const memory = koffi().view(address, length);
  const words = new Int32Array(memory);
  const octets = new Uint8Array(memory);
  let head = 0;
  let open = true;

  return {
    readInto(frames) {
      for (let count = 0; open && count < slots; count += 1) {
        const base = head * slot;
        const word = base >>> 2;
        // Atomic, so that the frame is not read before the kernel has said that it is complete.
        if ((Atomics.load(words, word) & TP_STATUS_USER) === 0) return;
        frames.push(frameAt(words, octets, base));
        Atomics.store(words, word, TP_STATUS_KERNEL);
        head = head + 1 === slots ? 0 : head + 1;
      }
    },
    close() {
      if (open) libc().munmap(address, length);
      open = false;
    },
  };
}

/** Asks for a ring, and for half of it as long as the kernel has not the memory. Returns the number of slots. */
function reserve(fd: number, slot: number, block: number, wanted: number, place: string): number {
  const perBlock = block / slot;
  let blocks = Math.max(1, Math.ceil(wanted / perBlock));
  for (;;) {
    const request = Uint32Array.of(block, blocks, slot, blocks * perBlock);
    const result = libc().setsockopt(fd, SOL_PACKET, PACKET_RX_RING, request, request.byteLength);
    if (result === 0) return blocks * perBlock;
    if (blocks === 1) throw lastError(`reserve a receive ring for ${place}`);
    blocks >>= 1;
  }
}

/** struct tpacket2_hdr: status, len, snaplen, mac and net (16 bits each), sec, nsec. */
function frameAt(words: Int32Array, octets: Uint8Array, base: number): Frame {
  const word = base >>> 2;
  const kept = words[word + 2] as number;
  const start = base + ((words[word + 3] as number) & 0xffff);
  const seconds = (words[word + 4] as number) >>> 0;
  return {
    octets: octets.slice(start, start + kept),
    timeNs: BigInt(seconds) * 1_000_000_000n + BigInt(words[word + 5] as number),
    outgoing: octets[base + packetType] === PACKET_OUTGOING,
    wireLength: words[word + 1] as number,
  };
}
