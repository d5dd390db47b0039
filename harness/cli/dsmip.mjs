#!/usr/bin/env node
/* Starts the command line: checks what it needs to run at all, then hands over to main.ts. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

function mend(sentence) {
  process.stderr.write(`dsmip: ${sentence}\n`);
  process.exit(64);
}

if (process.platform !== 'linux') {
  mend(
    `needs Linux for its network namespaces and raw sockets, and this is ${process.platform}: run it on a Linux machine or in a virtual one.`,
  );
}
if (major < 20 || (major === 20 && minor < 19)) {
  mend(`needs Node.js 20.19 or later, and this is ${process.versions.node}: install a newer one.`);
}
try {
  const { register } = await import('tsx/esm/api');
  register();
} catch {
  mend('its packages are not installed: run "npm ci" in the project folder first.');
}
// Who reads may have read enough (| head); what is under way goes on.
process.stdout.on('error', (error) => {
  if (error.code !== 'EPIPE') throw error;
});
const { main } = await import('./main.ts');
await main(process.argv);
