/** The command line: what each command is for, its options, and what its exit status means. */
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { formats, standardFormats } from '../../reports/formats.ts';
import { deviations } from '../agents/deviations.ts';
import { isForPeople } from './errors.ts';
import { examples } from './init/examples.ts';
import { flags } from './init/questions.ts';
import { checkReporters } from './select.ts';
import { version } from './version.ts';

const wrongUsage = 64;

const exitHelp = `
Exit status of a run:
  0  nothing failed and something passed
  1  a FAIL
  2  no FAIL, but an INCONCLUSIVE or ERROR, or the run was broken off
  3  nothing was judged
  64 wrong usage, a bad profile, or something missing on this machine`;

function formatHelp(): string {
  const width = Math.max(...Object.keys(formats).map((name) => name.length));
  const lines = Object.entries(formats).map(
    ([name, { file, what }]) => `  ${name.padEnd(width)}  ${file}: ${what}`,
  );
  return ['Formats:', ...lines].join('\n');
}

const deviateHelp = 'break one clause in one way (dsmip agent deviations lists them); may be given again';

function collect(value: string, previous: string[]): string[] {
  return [...previous, value];
}

/** Alone: once, or so often. Throws InvalidArgumentError. */
function retryTimes(value: string): number {
  const times = Number(value);
  if (!Number.isInteger(times) || times < 1 || times > 20)
    throw new InvalidArgumentError('how often is a whole number from 1 to 20.');
  return times;
}

function selectable(command: Command): Command {
  return command
    .option('--role <role>', 'only tests of this role (home-agent, foreign-agent, mobile-node, scenario)')
    .option(
      '--clause <clause>',
      'only tests that judge this clause, or a clause of this section (4.3-f, 4.3, B1)',
    )
    .option('--vector <id>', 'only this vector, or this test of it (id, id/case, id/case@position)')
    .option('--level <level>', 'only tests that judge a clause of this level (MUST, SHOULD, MAY, ...)');
}

/** Every command with its options. */
export function program(): Command {
  const root = new Command('dsmip')
    .description('Conformance tests for Dual-Stack Mobile IPv4 (draft-tsirtsis-v4v6-mipv4-00)')
    .version(version())
    .showHelpAfterError('(dsmip --help lists the commands)')
    .addHelpText('after', exitHelp)
    .exitOverride();

  selectable(root.command('run'))
    .description('test a device and write a report; without --iut, the reference agents in the embedded labs')
    .option('--iut <file>', 'profile of the device under test')
    .option(
      '--suite <name>',
      'only this suite: rfc3344 (Mobile IPv4 itself), draft; may be given again (default: both, rfc3344 first)',
      collect,
      [],
    )
    .option(
      '--robustness',
      'hostile input, after which the device still has to answer; it may stop a device, and is never run otherwise',
    )
    .option('--seed <number>', 'of --robustness: what generated input begins with (default: 1)')
    .option('--inputs <number>', 'of --robustness: how many generated inputs for each test (default: 200)')
    .option('--strict', 'a broken SHOULD fails')
    .option('--interactive', 'hooks of the profile may ask the operator')
    .option(
      '--reading <A=name>',
      'take another reading of an open place of the draft (dsmip explain A04)',
      collect,
      [],
    )
    .option('--out <folder>', 'where to write the report', undefined)
    .option(
      '--report <formats>',
      `reports to write (${Object.keys(formats).join(', ')}; comma-separated)`,
      standardFormats.join(','),
    )
    .option(
      '--reporter <names>',
      'reporters of Playwright besides ours: list, html, junit, json, ... (comma-separated)',
      checkReporters,
    )
    .option(
      '--deviate <name>',
      'have a reference agent of the embedded lab break one clause (dsmip agent deviations lists them); may be given again',
      collect,
      [],
    )
    .option('--baseline <file>', 'known failures, which do not fail the run (dsmip baseline writes them)')
    .option(
      '--retry [times]',
      'run each test that failed again, alone on a device that begins anew (bench.hooks.reset), and say what it fails after; the first verdict stays',
      retryTimes,
    )
    .option(
      '--resume <folder>',
      'go on with a run that was broken off: run the tests that are left as they were asked for',
    )
    .option('--list', 'only list the tests that would run')
    .addHelpText('after', exitHelp)
    .action(async (options) => {
      if (options.iut !== undefined) (await import('./validate.ts')).checkProfile(options.iut);
      const retry = options.retry === true ? 1 : options.retry;
      await (await import('./run.ts')).runCommand({ ...options, retry });
    });

  const init = root
    .command('init')
    .description('write the profile of a device: asks what is needed, or takes it from options')
    .argument('<file>', 'where to write it (my-home-agent.json)')
    .option('--role <role>', 'home-agent, foreign-agent or mobile-node')
    .option('--example <name>', `whose values are the defaults: ${Object.keys(examples).join(', ')}`)
    .option('--ics <name=value>', 'a claim, such as ipv6Extensions=false; may be given again', collect, [])
    .option('--restart <command>', 'of a mobile node: the command that has it begin anew')
    .option('--yes', 'ask nothing: what is not given is as in the example')
    .option('--force', 'write over a file that is there')
    .addHelpText(
      'after',
      '\nWithout a terminal nothing is asked, as with --yes. A key is named by file:PATH or env:NAME and never given here.\nExit status: 0 written; 64 wrong usage',
    )
    .action(async (file, options) => (await import('./init/init.ts')).initCommand(file, options));
  for (const { flag, ask, kind } of flags) init.option(`--${flag} <${kind}>`, ask);

  root
    .command('validate')
    .description('check every data file, or the profiles given')
    .argument('[profiles...]', 'profiles of devices')
    .action(async (profiles) => (await import('./validate.ts')).validateCommand(profiles));

  root
    .command('explain')
    .description('say in prose what a clause, a vector or a reading is about')
    .argument(
      '<what>',
      'a clause (4.3-f, B1), a vector or test (ha-...), a reading (A11), a deviation (home-agent/...), a level, class or verdict (FMT, TP, WARN)',
    )
    .action(async (what) => (await import('./explain.ts')).explainCommand(what));

  root
    .command('rejudge')
    .description('judge a recorded run again from its captures, without any device')
    .argument('<folder>', 'folder of a run (reports/out/...)')
    .option('--iut <file>', 'the profile it was made with, if it has moved')
    .option(
      '--reading <A=name>',
      'judge by another reading of an open place: shows which verdicts move',
      collect,
      [],
    )
    .option('--out <file>', 'write the results there (default: only compare)')
    .addHelpText(
      'after',
      '\nExit status: 0 the same verdicts to the octet; 1 other verdicts; 64 the captures and results cannot be used',
    )
    .action(async (folder, options) => (await import('./rejudge.ts')).rejudgeCommand(folder, options));

  root
    .command('report')
    .description('write reports of a run from its folder')
    .argument('<folder>', 'folder of a run (reports/out/...)')
    .option(
      '--report <formats>',
      `reports to write (${Object.keys(formats).join(', ')}; comma-separated)`,
      standardFormats.join(','),
    )
    .addHelpText(
      'after',
      `\n${formatHelp()}\nExit status: 0 written; 64 the folder cannot be read, or a report cannot be made`,
    )
    .action(async (folder, options) => (await import('./report.ts')).reportCommand(folder, options));

  root
    .command('serve')
    .description(
      'show the runs of a folder as pages to this machine alone, with the progress of one under way',
    )
    .argument('[folder]', 'folder that holds the folders of runs', 'reports/out')
    .option('--port <number>', 'where to listen; 0 takes any', '8434')
    .addHelpText(
      'after',
      '\nExit status: 0 ended by Ctrl-C; 64 the folder is not there or the port is in use',
    )
    .action(async (folder, options) => (await import('./serve.ts')).serveCommand(folder, options));

  root
    .command('capsule')
    .description(
      'write what a vendor needs of one test as a zip: the clause, what came, ladder, packets, capture, and a script that sends it again',
    )
    .argument('<folder>', 'folder of the run')
    .argument('<test>', 'the test (id/case@position; the id alone where one test of it failed)')
    .option('--out <file>', 'where to write it (default: <test>.zip)')
    .option('--iut <file>', 'the profile it was made with, if it has moved')
    .addHelpText('after', '\nNo key is in it. Exit status: 0 written; 64 the run or the test cannot be read')
    .action(async (folder, test, options) =>
      (await import('./capsule.ts')).capsuleCommand(folder, test, options),
    );

  root
    .command('matrix')
    .description(
      'collate the results of many devices into one page and one CSV: devices against clauses, pairs in the scenarios',
    )
    .argument('<folders...>', 'folders of runs, or folders that hold them')
    .option('--out <folder>', 'where to write it (default: a new one in reports/out)')
    .option(
      '--since <folder>',
      'mark what is other than in these earlier results; may be given again',
      collect,
      [],
    )
    .option('--anonymous', 'no name of a device, vendor, address or NAI is in any file')
    .option('--names <file>', 'with --anonymous: keep here which name stands for whom, and use it again')
    .addHelpText('after', '\nExit status: 0 written; 64 some results cannot be read (all of them are named)')
    .action(async (folders, options) => (await import('./matrix.ts')).matrixCommand(folders, options));

  root
    .command('diff')
    .description(
      'compare a run with an earlier one: what fails now that did not, what was mended, what is new',
    )
    .argument('<old>', 'folder of the earlier run')
    .argument('<new>', 'folder of the later run')
    .option('--json', 'for machines')
    .addHelpText(
      'after',
      '\nExit status: 0 no regression; 1 a regression (a clause that a test finds broken now and did not before);\n  2 no regression, but a test that was judged is not any more, a device is missing, or the new run was broken off;\n  64 a folder cannot be read',
    )
    .action(async (before, after, options) =>
      (await import('./compare.ts')).diffCommand(before, after, options),
    );

  root
    .command('baseline')
    .description('write the failures of a run as known ones, for dsmip run --baseline')
    .argument('<folder>', 'folder of a run')
    .option('--out <file>', 'where to write it (default: standard output)')
    .option('--force', 'write over a file that is there')
    .action(async (folder, options) => (await import('./compare.ts')).baselineCommand(folder, options));

  root
    .command('coverage')
    .description(
      'say how much of the ledger runs have observed; without folders, how much of it the vectors reach in the embedded labs',
    )
    .argument('[folders...]', 'folders of runs (reports/out/...), taken together')
    .addHelpText(
      'after',
      '\nExit status: 0 every clause that can be observed was; 1 not; 64 a folder cannot be read',
    )
    .action(async (folders) => (await import('./coverage.ts')).coverageCommand(folders));

  root
    .command('doctor')
    .description(
      'check what this machine needs to run the harness; with a profile, what is wrong between the harness and the device. Says how to mend it',
    )
    .option(
      '--iut <file>',
      'open the bench of this profile and look: addresses, routes, filters, conflicts, other agents, keys, clocks, type numbers, paths',
    )
    .option(
      '--fix',
      'mend the settings of the port devices that are safe to mend (reverse-path filter, offload), and say how to put them back',
    )
    .option('--json', 'for machines')
    .addHelpText(
      'after',
      `
It sends registration requests, at most one a second for each mobile node, pings, ARP probes and solicitations, and takes its
registrations back. dsmip run looks at the same by itself, as far as it bears on verdicts: tests that are spoiled are INCONCLUSIVE
with the cause, and never FAIL. docs/doctor.md tells what each finding means.

Exit status: 0 all is well; 1 something spoils verdicts; 64 something is missing on this machine, or the profile is wrong`,
    )
    .action(async (options) => (await import('./doctor.ts')).doctorCommand(options));

  root
    .command('probe')
    .description('draft the ICS of a device from what it does, each entry with the observation behind it')
    .requiredOption('--iut <file>', 'profile of the device; its ICS may say anything')
    .option('--out <file>', 'write the draft and the observations there (JSON)')
    .option(
      '--write',
      'put what was observed into "ics" of the profile; what cannot be observed stays as it is',
    )
    .option('--json', 'for machines')
    .addHelpText(
      'after',
      `
It asks for each thing once, with valid requests, at most one a second for each mobile node, and takes its registrations back. What
cannot be seen from outside is said to be the vendor's to claim. A draft is no verdict: what the device should do, it claims.

Exit status: 0 drafted; 1 drafted, and the profile claims otherwise; 2 the device cannot be probed; 64 wrong usage or a bad profile`,
    )
    .action(async (options) => (await import('./probe.ts')).probeCommand(options));

  const links = root
    .command('links')
    .description('show what runs have changed of links, which is taken back when they end')
    .addHelpText(
      'after',
      '\nWhat a run that was killed has left is taken back when the next one begins, or by dsmip links restore.\nExit status: 0 nothing is left of runs that were killed; 64 something is, or it cannot be read',
    )
    .action(async () => (await import('./links.ts')).linksCommand());
  links
    .command('restore')
    .description('take back what runs that were killed have left of their changes to links')
    .option('--forget', 'what cannot be taken back is told and then forgotten')
    .addHelpText(
      'after',
      '\nExit status: 0 all was taken back, or there was nothing; 64 something could not be',
    )
    .action(async (options) => (await import('./links.ts')).restoreCommand(options));

  root
    .command('port-server')
    .description(
      'serve one port to a run on another machine, over standard input and output; started by the run itself ("via" of a port in the profile)',
    )
    .addHelpText(
      'after',
      '\nExit status: 0 the run has ended; 1 the port could not be served any more; 2 something could not be taken back',
    )
    .action(async () => (await import('../bench/port-server.ts')).servePort());

  const agent = root.command('agent').description('run a reference agent');
  agent
    .command('home-agent')
    .description('run the reference home agent in the network namespace it is started in')
    .requiredOption('--config <file>', 'its configuration (JSON)')
    .option('--deviate <name>', deviateHelp, collect, [])
    .option('--status <file>', 'keep its bindings and counters in this file')
    .option('--exit-with-stdin', 'end when standard input closes')
    .action(async (options) => {
      const { runHomeAgent } = await import('../agents/home-agent/index.ts');
      await runHomeAgent({
        config: options.config,
        deviations: options.deviate,
        ...(options.status === undefined ? {} : { status: options.status }),
        exitWithStdin: options.exitWithStdin === true,
      });
    });
  agent
    .command('foreign-agent')
    .description('run the reference foreign agent in the network namespace it is started in')
    .requiredOption('--config <file>', 'its configuration (JSON)')
    .option('--deviate <name>', deviateHelp, collect, [])
    .option('--status <file>', 'keep its visitor list and counters in this file')
    .option('--exit-with-stdin', 'end when standard input closes')
    .action(async (options) => {
      const { runForeignAgent } = await import('../agents/foreign-agent/index.ts');
      await runForeignAgent({
        config: options.config,
        deviations: options.deviate,
        ...(options.status === undefined ? {} : { status: options.status }),
        exitWithStdin: options.exitWithStdin === true,
      });
    });
  agent
    .command('mobile-node')
    .description('run reference mobile nodes, each in a network namespace of its own')
    .requiredOption('--config <file>', 'their configuration (JSON)')
    .option('--deviate <name>', deviateHelp, collect, [])
    .option('--lab <n>', 'what {lab} in the configuration stands for', '1')
    .option('--status <file>', 'keep their registrations and counters in this file')
    .option('--exit-with-stdin', 'take orders on standard input (restart N, ...) and end when it closes')
    .action(async (options) => {
      const { runMobileNode } = await import('../agents/mobile-node/index.ts');
      await runMobileNode({
        config: options.config,
        lab: options.lab,
        deviations: options.deviate,
        ...(options.status === undefined ? {} : { status: options.status }),
        exitWithStdin: options.exitWithStdin === true,
      });
    });
  agent
    .command('deviations')
    .description('list the deviations, with the clause each breaks')
    .action(() => {
      for (const [name, { clause, breaks }] of deviations)
        process.stdout.write(`${name}  [${clause}]  ${breaks}\n`);
    });

  root
    .command('kill-matrix')
    .description(
      'run every deviation of the reference agents against the suite: each has to be caught by exactly the vectors that name it',
    )
    .option('--deviation <name>', 'only this one; may be given again', collect, [])
    .option('--role <role>', 'only the rows of this suite (home-agent, foreign-agent, mobile-node, scenario)')
    .option('--labs <n>', 'labs side by side', '12')
    .option(
      '--sample <n>',
      'of the tests that do not name a deviation run one in so many, others for each (npm test: 20); 1 is all',
      '1',
    )
    .option('--update', 'write what was seen into the "kills" of the vectors, for review')
    .addHelpText('after', '\nExit status: 0 all as named; 1 not')
    .action(async (options) => (await import('./kill-matrix.ts')).killMatrixCommand(options));

  root
    .command('bench')
    .description('measure the engine, the agents and the codec')
    .action(async () => (await import('./benchmark.ts')).benchmarkCommand());

  root
    .command('kill-worker', { hidden: true })
    .description('some labs of the kill matrix (started by it)')
    .action(async () => (await import('./kill-worker.ts')).killWorkerCommand());

  root
    .command('bench-server', { hidden: true })
    .description('serve one bench to a test run (used by the Playwright reporter)')
    .action(async () => (await import('./bench-server.ts')).benchServerCommand());
  return root;
}

/** Run the command line. Sets the exit status; errors a person can mend are one sentence on standard error. */
export async function main(argv: string[]): Promise<void> {
  try {
    await program().parseAsync(argv);
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : wrongUsage;
      return;
    }
    if (isForPeople(error)) {
      process.stderr.write(`dsmip: ${error.message}\n`);
      process.exitCode = wrongUsage;
      return;
    }
    throw error;
  }
}
