/** Ways in which a test ends before its steps are over. */

/** The vector cannot go on, for a reason that is not the fault of the IUT in the clause under test. */
export class Inconclusive extends Error {}

/** The harness itself missed a moment that the vector prescribes: the machine was too busy. */
export class Late extends Inconclusive {}

/** The device is there, and said no to what the vector goes on from. */
export class Refused extends Inconclusive {}

/** The device does not do what the test is about. */
export class NotApplicable extends Error {}

/** The body is over: a clause was broken and what follows would rest on it. */
export class BodyEnds extends Error {}
