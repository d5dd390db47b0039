/** Sends one packet over and over from an end of the middle box: `flood.ts DEVICE FRAME-IN-HEX PACKETS-PER-SECOND`, until it is ended. */
import { openPacketPort } from '../../net/index.ts';

const [device = '', hex = '', rate = '0'] = process.argv.slice(2);
const frame = Uint8Array.from(Buffer.from(hex, 'hex'));
const port = openPacketPort({ device, onFrame: () => {}, ringFrames: 1 });
const began = performance.now();
let sent = 0;

function more(): void {
  const due = ((performance.now() - began) / 1000) * Number(rate);
  for (let burst = 0; sent < due && burst < 5000; burst += 1) {
    try {
      port.send(frame);
    } catch {
      // The device's queue is full.
    }
    sent += 1;
  }
  setTimeout(more, 1);
}
more();
process.on('SIGTERM', () => {
  process.stdout.write(`${JSON.stringify({ sent, seconds: (performance.now() - began) / 1000 })}\n`);
  process.exit(0);
});
process.stdout.write('flooding\n');
