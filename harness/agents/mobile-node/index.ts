import { createDeviates } from '../common/deviates.ts';
import { type ProgramOptions, runProgram } from '../common/program.ts';
import { resolveDeviations } from '../deviations.ts';
import { openStations, startMobileNodes } from './agent.ts';
import { readConfiguration } from './config.ts';
import type { MobileNodeDeviation } from './deviations.ts';

export interface RunMobileNodeOptions extends ProgramOptions {
  /** Path of the configuration file. */
  config: string;
  /** What `{lab}` in the configuration stands for. */
  lab?: string;
}

/**
 * Run reference mobile nodes, each in a network namespace of its own, until SIGTERM or SIGINT. Rejects with a ConfigurationError,
 * an UnknownDeviationError or what the kernel refused.
 */
export async function runMobileNode(options: RunMobileNodeOptions): Promise<void> {
  const settings = readConfiguration(options.config, options.lab);
  const { stations, close } = openStations(settings);
  try {
    await runProgram('mobile node', options, (telling, deviations) => {
      const names = resolveDeviations('mobile-node', deviations) as MobileNodeDeviation[];
      return startMobileNodes({ settings, stations, deviates: createDeviates(names), ...telling });
    });
  } finally {
    close();
  }
}
