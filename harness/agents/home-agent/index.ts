import { createDeviates } from '../common/deviates.ts';
import { type ProgramOptions, runProgram } from '../common/program.ts';
import { resolveDeviations } from '../deviations.ts';
import { startHomeAgent } from './agent.ts';
import { readConfiguration } from './config.ts';
import type { HomeAgentDeviation } from './deviations.ts';

export interface RunHomeAgentOptions extends ProgramOptions {
  /** Path of the configuration file. */
  config: string;
}

/**
 * Run the reference home agent in the network namespace it is started in until SIGTERM or SIGINT. Rejects with a
 * ConfigurationError, an UnknownDeviationError or what the kernel refused.
 */
export async function runHomeAgent(options: RunHomeAgentOptions): Promise<void> {
  const settings = readConfiguration(options.config);
  await runProgram('home agent', options, (telling, deviations) => {
    const names = resolveDeviations('home-agent', deviations) as HomeAgentDeviation[];
    return startHomeAgent({ settings, deviates: createDeviates(names), ...telling });
  });
}
