// Writes the files that are made from the contracts: the JSON Schemas of point maps and of site.yaml.
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { siteSchemaText } from '../../service/contract/site-json-schema.ts'
import { pointMapSchemaText } from '../../service/pointmap/json-schema.ts'

const files = { 'pointmaps/schema.json': pointMapSchemaText, 'service/contract/site.schema.json': siteSchemaText }
for (const [name, text] of Object.entries(files)) {
  const file = resolve(import.meta.dirname, '../..', name)
  writeFileSync(file, text())
  process.stdout.write(`wrote ${file}\n`)
}
