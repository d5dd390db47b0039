/** Types of the part of the `raw-socket` package that is used here. */
declare module 'raw-socket' {
  import type { EventEmitter } from 'node:events';

  export interface Options {
    protocol: number;
    addressFamily: number;
    bufferSize?: number;
  }

  type Sent = (error: Error | null, octets: number) => void;

  export class Socket extends EventEmitter {
    /** The native socket. Its `send` hands one packet to the kernel at once, or throws. */
    readonly wrap?: {
      send(
        buffer: Buffer,
        offset: number,
        length: number,
        address: string,
        sent: (octets: number) => void,
      ): void;
    };
    send(buffer: Buffer, offset: number, length: number, address: string, sent: Sent): this;
    setOption(level: number, option: number, value: number): void;
    setOption(level: number, option: number, value: Buffer, length: number): void;
    pauseRecv(): this;
    pauseSend(): this;
    close(): this;
  }

  export function createSocket(options: Options): Socket;
  export const AddressFamily: { IPv4: number; IPv6: number };
}
