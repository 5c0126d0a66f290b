// Writes the files that are made from the contracts: pointmaps/schema.json.
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { pointMapSchemaText } from '../../service/pointmap/json-schema.ts'

const file = resolve(import.meta.dirname, '../../pointmaps/schema.json')
writeFileSync(file, pointMapSchemaText())
process.stdout.write(`wrote ${file}\n`)
