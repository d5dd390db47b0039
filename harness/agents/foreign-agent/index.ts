import { createDeviates } from '../common/deviates.ts';
import { type ProgramOptions, runProgram } from '../common/program.ts';
import { resolveDeviations } from '../deviations.ts';
import { startForeignAgent } from './agent.ts';
import { readConfiguration } from './config.ts';
import type { ForeignAgentDeviation } from './deviations.ts';

export interface RunForeignAgentOptions extends ProgramOptions {
  /** Path of the configuration file. */
  config: string;
}

/**
 * Run the reference foreign agent in the network namespace it is started in until SIGTERM or SIGINT. The kernel there is not to
 * forward: the agent does. Rejects with a ConfigurationError, an UnknownDeviationError or what the kernel refused.
 */
export async function runForeignAgent(options: RunForeignAgentOptions): Promise<void> {
  const settings = readConfiguration(options.config);
  await runProgram('foreign agent', options, (telling, deviations) => {
    const names = resolveDeviations('foreign-agent', deviations) as ForeignAgentDeviation[];
    return startForeignAgent({ settings, deviates: createDeviates(names), ...telling });
  });
}
