/** `dsmip init`: asks what is needed to test a device, and writes its profile. */
import { existsSync, writeFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { closest } from '../../vectors/closest.ts';
import { type Ics, icsDefaults, icsValues } from '../../vectors/ics.ts';
import { projectRoot } from '../../vectors/load.ts';
import { loadProfile, type ProfileFile } from '../../vectors/profile.ts';
import { DataError, problemsOf, readJson, schemaDirectory } from '../../vectors/schema.ts';
import { UsageError } from '../errors.ts';
import { asTyped, asWritten, hookOf, put, valueAt } from './answers.ts';
import { exampleOf, examples, readExample } from './examples.ts';
import { identity, type Question, surroundings } from './questions.ts';

export interface InitOptions {
  role?: string;
  example?: string;
  /** `name=value`, of the ICS. */
  ics: string[];
  /** A command that has a mobile node under test begin anew. */
  restart?: string;
  force?: boolean;
  /** Ask nothing: what is not given is as in the example. */
  yes?: boolean;
  /** Answers by flag (camelCase, as commander has them). */
  [flag: string]: unknown;
}

/** Where it is asked and answered. */
export interface Streams {
  input: NodeJS.ReadableStream;
  output: NodeJS.WritableStream;
  isTerminal: boolean;
}

/** Asks one thing at a time; without a terminal, or with --yes, the default is the answer. */
type Ask = (question: string, why: string, standard: string) => Promise<string>;

/** Somebody to talk to, or nobody: then a wrong answer ends it. */
interface Talk {
  ask: Ask;
  tell: (line: string) => void;
  isAsked: boolean;
}

const optionName = (flag: string): string =>
  flag.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

/** Run the command. Exit status 0 written; throws UsageError, and DataError when what was given makes no profile. */
export async function initCommand(
  file: string,
  options: InitOptions,
  { input, output, isTerminal }: Streams = {
    input: process.stdin,
    output: process.stdout,
    isTerminal: process.stdin.isTTY === true,
  },
): Promise<void> {
  if (existsSync(file) && options.force !== true)
    throw new UsageError(`${file} is there already: name another file, or give --force to write over it`);
  if (!existsSync(dirname(resolve(file)))) throw new UsageError(`there is no folder ${dirname(file)}`);
  const terminal = options.yes === true || !isTerminal ? undefined : createInterface({ input, output });
  try {
    const ask: Ask = async (question, why, standard) => {
      if (terminal === undefined) return standard;
      output.write(`\n${question}\n  ${why}\n`);
      const typed = (await terminal.question(`  [${standard}] `)).trim();
      return typed === '' ? standard : typed;
    };
    const tell = (line: string): void => {
      output.write(`${line}\n`);
    };
    write(file, await fillIn(options, { ask, tell, isAsked: terminal !== undefined }), tell);
  } finally {
    terminal?.close();
  }
}

/** The example, with what was given and answered. */
async function fillIn(options: InitOptions, talk: Talk): Promise<ProfileFile> {
  const { ask, tell, isAsked } = talk;
  const name = exampleOf(options.example, options.role);
  let chosen = name;
  if (isAsked && options.example === undefined) {
    const list = Object.entries(examples).filter(
      ([, { role }]) => options.role === undefined || role === options.role,
    );
    for (const [one, { title }] of list) tell(`  ${one.padEnd(28)}${title}`);
    chosen = exampleOf(
      await ask(
        'Which of these is nearest to the device?',
        'its values are the defaults of what follows',
        name,
      ),
      options.role,
    );
  }
  const profile = readExample(chosen);
  const { role } = profile;
  for (const question of identity) await answer(question, profile, options, talk);
  await claims(profile, options, talk);
  for (const question of surroundings)
    if (question.roles?.includes(role) !== false && question.when?.(profile) !== false)
      await answer(question, profile, options, talk);
  checkUnused(options, profile);
  await restart(profile, options, ask);
  settle(profile);
  return profile;
}

/** One question: what was given for it, or what is typed, until it is right. */
async function answer(
  question: Question,
  profile: ProfileFile,
  options: InitOptions,
  { ask, tell, isAsked }: Talk,
): Promise<void> {
  const { flag, path, kind, choices } = question;
  const before = valueAt(profile, path);
  const given = options[optionName(flag)];
  const standard = before === undefined ? (question.standard ?? '') : asTyped(before, kind);
  const words = choices === undefined ? question.ask : `${question.ask} (${choices.join(', ')})`;
  for (;;) {
    const text =
      typeof given === 'string' ? given : await ask(words, `${question.why} (--${flag})`, standard);
    // What the example does not have, and neither somebody nor a claim asked for, stays out.
    if (given === undefined && !isAsked && before === undefined && question.when === undefined) return;
    try {
      put(
        profile,
        path,
        text === standard && before !== undefined ? before : asWritten(text, question, before),
      );
      checkValue(question, profile);
      return;
    } catch (error) {
      if (!(error instanceof UsageError) || given !== undefined || !isAsked) throw error;
      tell(`  ${error.message}`);
    }
  }
}

/** What the schema says of one answer. */
function checkValue({ flag, path }: Question, profile: ProfileFile): void {
  const wrong = problemsOf('profile.schema.json', profile).find(
    (problem) => problem.path === path || problem.path.startsWith(`${path}.`),
  );
  if (wrong !== undefined) throw new UsageError(`--${flag}: ${wrong.message} (${path})`);
}

/** The ICS: what was given by --ics, else the claims one by one. */
async function claims(
  profile: ProfileFile,
  options: InitOptions,
  { ask, tell, isAsked }: Talk,
): Promise<void> {
  const standards = icsDefaults[profile.role] as unknown as Ics;
  const ics: { [name: string]: string | boolean } = { ...profile.ics };
  const given = new Map<string, string>();
  for (const one of options.ics) {
    const [name = '', value, ...rest] = one.split('=');
    if (!(name in standards)) {
      const meant = closest(name, Object.keys(standards));
      throw new UsageError(
        `--ics ${one}: the ICS of a ${profile.role} has no "${name}"${meant === undefined ? '' : `; did you mean "${meant}"?`} (it has: ${Object.keys(standards).join(', ')})`,
      );
    }
    if (value === undefined || rest.length > 0)
      throw new UsageError(`--ics ${one}: name=value is wanted, such as ipv6Extensions=true`);
    given.set(name, value);
  }
  const texts = describedClaims();
  for (const [name, standard] of Object.entries(standards)) {
    // That follows from how the mobile nodes are provisioned.
    if (name === 'nonces' || name === 'mobileForeignSecurity') continue;
    const words = icsValues[profile.role]?.[name] ?? ['true', 'false'];
    for (;;) {
      const text =
        given.get(name) ??
        (await ask(
          `The device claims ${name} (${words.join(', ')})`,
          `${texts[name] ?? ''} (--ics ${name}=...); what it does not claim is not tested`,
          String(ics[name] ?? standard),
        ));
      if (words.includes(text)) {
        ics[name] = typeof standard === 'boolean' ? text === 'true' : text;
        break;
      }
      const problem = `--ics ${name}: one of ${words.join(', ')} is wanted, not "${text}"`;
      if (given.has(name) || !isAsked) throw new UsageError(problem);
      tell(`  ${problem}`);
    }
  }
  // A policy that needs an address of its own in the ixit.
  if (ics.refusesIpv6Address === true && profile.ixit.refusedIpv6Address === undefined)
    profile.ixit.refusedIpv6Address = (
      await ask('Which IPv6 home address does it refuse?', 'ixit.refusedIpv6Address', '2001:db8:1::bad:1')
    ).trim();
  profile.ics = ics;
}

/** What the schema says of each claim. */
function describedClaims(): { [name: string]: string } {
  const schema = readJson(`${schemaDirectory}profile.schema.json`) as {
    properties: { ics: { properties: { [name: string]: { description?: string } } } };
  };
  return Object.fromEntries(
    Object.entries(schema.properties.ics.properties).map(([name, { description = '' }]) => [
      name,
      description,
    ]),
  );
}

/** A flag that has no meaning for the device would be lost unseen. */
function checkUnused(options: InitOptions, { role, ics }: ProfileFile): void {
  for (const question of surroundings) {
    const all = surroundings.filter(({ flag }) => flag === question.flag);
    if (options[optionName(question.flag)] === undefined) continue;
    if (all.every(({ roles }) => roles?.includes(role) === false))
      throw new UsageError(`--${question.flag} has no meaning where the role is ${role}`);
    if (all.every(({ when }) => when?.({ ics } as ProfileFile) === false))
      throw new UsageError(
        `--${question.flag} has no meaning with these claims: see "ics" (--ics ${role === 'home-agent' && question.flag.includes('home-host') ? 'homeNetwork=link' : 'foreignHomeSecurity=true'})`,
      );
  }
}

async function restart(profile: ProfileFile, options: InitOptions, ask: Ask): Promise<void> {
  if (profile.role !== 'mobile-node') {
    if (options.restart !== undefined)
      throw new UsageError(`--restart has no meaning where the role is ${profile.role}`);
    return;
  }
  if ('lab' in profile.bench) return;
  const hook = profile.bench.hooks?.restart;
  const standard = Array.isArray(hook) ? hook.join(' ') : '';
  const text =
    options.restart ??
    (await ask(
      'Which command has the mobile node begin anew?',
      'it is run before each test, without a shell (--restart)',
      standard,
    ));
  // Its arguments may have blanks in them.
  if (text === standard && hook !== undefined) return;
  profile.bench.hooks = { ...profile.bench.hooks, restart: hookOf(text) };
}

/** What follows from the answers. */
function settle(profile: ProfileFile): void {
  const { ixit, role, ics = {} } = profile;
  const [entry] = ixit.mobileNodes;
  if (entry !== undefined) {
    const { count = 1 } = entry;
    if (count === 1) delete entry.count;
    if (count > 1 && !entry.nai.includes('{n}'))
      throw new UsageError(`--nai: needs "{n}" in it, as there are ${count} mobile nodes: mn{n}@example.net`);
    if (ixit.careOfAddresses !== undefined) ixit.careOfAddresses.count = Math.max(2, 2 * count);
    if (entry.replay === 'nonces') ics.nonces = true;
  }
  if (role === 'home-agent' && ics.homeNetwork === 'routed') {
    delete ixit.homeHost;
    if (!('lab' in profile.bench)) delete profile.bench.ports.home;
  }
  if (ics.foreignHomeSecurity !== true) {
    ixit.foreignAgents = ixit.foreignAgents?.filter(({ spi }) => spi === undefined) ?? ixit.foreignAgents;
    ixit.homeAgents = ixit.homeAgents?.filter(({ spi }) => spi === undefined) ?? ixit.homeAgents;
  }
  for (const name of ['foreignAgents', 'homeAgents'] as const)
    if (ixit[name] === undefined) delete ixit[name];
  if (ics.ipv6Extensions === false) delete ixit.extensionTypes;
  profile.ics = ics;
}

/** Write it, check it as a run would, and say what to do next. */
function write(file: string, profile: ProfileFile, tell: Talk['tell']): void {
  const schema = relative(dirname(resolve(file)), `${projectRoot}vectors/schema/profile.schema.json`);
  writeFileSync(file, `${JSON.stringify({ $schema: schema, ...profile }, null, 2)}\n`);
  tell(`dsmip: ${file} is written`);
  let problem = '';
  try {
    loadProfile(file);
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    problem = error.message;
  }
  if (problem !== '') tell(`dsmip: before a run, mend this:\n${problem}`);
  tell(`  dsmip validate ${file}        what is wrong with it`);
  tell(`  dsmip doctor --iut ${file}    whether the device can be reached and the keys are right`);
  tell(`  dsmip run --iut ${file}       test it`);
}
