/** A named way to break one clause. */
export interface Deviation {
  /** The clause, or base check (B1 ...), of the catalogue that it breaks. */
  clause: string;
  /** Further clauses that state the same behaviour. */
  also?: string[];
  /** What the agent then does, in one sentence. */
  breaks: string;
}

/** Whether a deviation of an agent is switched on. */
export type Deviates<Name extends string> = (name: Name) => boolean;

/** The switches of one agent; free of cost when none is on. */
export function createDeviates<Name extends string>(names: readonly Name[]): Deviates<Name> {
  if (names.length === 0) {
    return () => false;
  }
  const switchedOn = new Set(names);
  return (name) => switchedOn.has(name);
}
