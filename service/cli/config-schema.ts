import { z } from 'zod'
import { edgeFile } from '#contract/configuration.ts'
import { siteSchemaText } from '#contract/site-json-schema.ts'
import { parseCommandLine, UsageError } from '../args.ts'
import { pointMapSchemaText } from '../pointmap/json-schema.ts'
import { exitCode, type Terminal } from './terminal.ts'

const schemas: Readonly<Record<string, () => string>> = {
  site: siteSchemaText,
  edge: () => `${JSON.stringify(z.toJSONSchema(edgeFile, { io: 'input' }), undefined, 2)}\n`,
  map: pointMapSchemaText,
}

/** Prints the JSON Schema of one kind of file. */
export async function configSchema(args: string[], { out }: Terminal): Promise<number> {
  const { positionals } = parseCommandLine({ args, options: {}, strict: true, allowPositionals: true })
  const [kind = 'site', ...more] = positionals
  const text = Object.hasOwn(schemas, kind) ? schemas[kind] : undefined
  if (!text || more.length > 0) throw new UsageError('name one of site, edge and map')
  out(text())
  return exitCode.done
}
