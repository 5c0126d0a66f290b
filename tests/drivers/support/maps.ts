import { parsePointMap } from '../../../service/pointmap/load.ts'
import type { LoadedMap } from '../../../service/pointmap/types.ts'

/** A point map from text, for devices that exist only in a test. */
export function mapFrom(yaml: string): LoadedMap {
  return parsePointMap(yaml, 'test.yaml', () => undefined)
}
