import { DataError } from './schema.ts';

/** A data file with one thing wrong at `path` ("$" or '': the file as a whole). */
export function fault(file: string, path: string, message: string): DataError {
  return new DataError(file, [{ path: path.replace(/^\$\.?/, ''), message }]);
}
