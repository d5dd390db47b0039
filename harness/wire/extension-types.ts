import { EncodeError } from './errors.ts';
import type { ExtensionTypes } from './types.ts';

/** Unassigned numbers for the draft's three "TBD" types, used unless the device says otherwise. */
export const defaultExtensionTypes: Readonly<ExtensionTypes> = Object.freeze({
  ipv6HomeAddress: 200,
  ipv6Compatibility: 201,
  ipv6Code: 202,
});

/**
 * Throws EncodeError `WIRE_EXTENSION_TYPES` unless the three numbers are different values in 128..255: the draft calls
 * them skippable, and with equal numbers a compatibility extension could not be told from a code extension.
 */
export function checkExtensionTypes(types: ExtensionTypes): void {
  const { ipv6HomeAddress, ipv6Compatibility, ipv6Code } = types;
  for (const [name, type] of Object.entries({ ipv6HomeAddress, ipv6Compatibility, ipv6Code })) {
    if (!Number.isInteger(type) || type < 128 || type > 255) {
      throw new EncodeError(
        'WIRE_EXTENSION_TYPES',
        `extension type ${name}: ${String(type)} is not in 128..255`,
      );
    }
  }
  if (
    ipv6HomeAddress === ipv6Compatibility ||
    ipv6HomeAddress === ipv6Code ||
    ipv6Compatibility === ipv6Code
  ) {
    throw new EncodeError(
      'WIRE_EXTENSION_TYPES',
      `the extension types ${ipv6HomeAddress}, ${ipv6Compatibility} and ${ipv6Code} are not three different numbers`,
    );
  }
}
