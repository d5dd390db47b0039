/** Why a packet could not be written. The codes are stable, the messages are for people. */
export type EncodeErrorCode =
  /** A number that its field cannot hold, or something that is no number. */
  | 'WIRE_RANGE'
  /** Text that is no address of the family or kind wanted. */
  | 'WIRE_ADDRESS'
  /** Text that is no string of hex digits, or one of the wrong length. */
  | 'WIRE_HEX'
  /** A layer or an extension that is not known, or an object that does not have exactly one key. */
  | 'WIRE_NAME'
  /** An authenticator is to be computed and no security association was given for it. */
  | 'WIRE_ASSOCIATION'
  /** A tamper instruction that points outside the message or at an extension that is not in it. */
  | 'WIRE_TAMPER'
  /** Extension type numbers that are not three different values in 128..255. */
  | 'WIRE_EXTENSION_TYPES';

/** Thrown by everything in `wire` that writes or parses text, never by the decoder. */
export class EncodeError extends Error {
  readonly code: EncodeErrorCode;

  constructor(code: EncodeErrorCode, message: string) {
    super(message);
    this.name = 'EncodeError';
    this.code = code;
  }
}
