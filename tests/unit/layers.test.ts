import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '../..')

/** One forbidden import per rule, planted in a copy of the configuration's world. */
const violations: readonly [file: string, code: string][] = [
  ['service/contract/planted.ts', `import '../domain/clock.ts'`],
  ['service/domain/planted.ts', `import '../control/step.ts'`],
  ['service/control/planted.ts', `import '../drivers/driver.ts'`],
  ['service/control/planted-io.ts', `import 'node:fs'`],
  ['service/control/planted-capture.ts', `import '../capture/format.ts'`],
  ['service/capture/planted.ts', `import '../simulation/simulate.ts'`],
  ['service/simulation/planted.ts', `import '../runtime/cycle.ts'`],
  ['service/simulation/planted-driver.ts', `import '../drivers/modbus/bus.ts'`],
  ['service/pointmap/planted.ts', `import '../drivers/driver.ts'`],
  ['service/mapimport/planted.ts', `import '../runtime/cycle.ts'`],
  ['service/api/planted-import.ts', `import '../mapimport/import-map.ts'`],
  ['service/drivers/planted.ts', `import '../storage/storage.ts'`],
  ['service/drivers/modbus/planted.ts', `import '../../control/step.ts'`],
  ['service/storage/planted.ts', `import '../api/server.ts'`],
  ['service/api/planted.ts', `import '../runtime/cycle.ts'`],
  ['service/access/planted.ts', `import '../storage/storage.ts'`],
  ['service/api/planted-access.ts', `import '../access/access.ts'`],
  ['service/trust/planted.ts', `import '../api/server.ts'`],
  ['service/license/planted.ts', `import '../storage/storage.ts'`],
  ['service/api/planted-license.ts', `import '../license/read-license.ts'`],
  ['service/backup/planted.ts', `import '../license/read-license.ts'`],
  ['service/setup/planted.ts', `import '../runtime/cycle.ts'`],
  ['service/commissioning/scan/planted.ts', `import '../../storage/storage.ts'`],
  ['service/commissioning/listen/planted.ts', `import '../../runtime/cycle.ts'`],
  ['service/drivers/planted-workbench.ts', `import '../commissioning/listen/types.ts'`],
  ['service/api/planted-workbench.ts', `import '../commissioning/listen/types.ts'`],
  ['service/configuration/planted.ts', `import '../runtime/cycle.ts'`],
  ['service/configuration/planted-driver.ts', `import '../drivers/driver.ts'`],
  ['service/pointmap/planted-configuration.ts', `import '../configuration/site-files.ts'`],
  ['service/api/planted-configuration.ts', `import '../configuration/site-files.ts'`],
  ['service/deployment/planted.ts', `import '../drivers/driver.ts'`],
  ['renderer/planted.ts', `import '../service/runtime/cycle.ts'`],
  [
    'renderer/Planted.vue',
    `<script setup lang="ts">\nimport '../service/runtime/cycle.ts'\n</script>\n<template><p /></template>`,
  ],
  ['main/planted.ts', `import '../service/runtime/cycle.ts'`],
  ['preload/planted.ts', `import '../service/runtime/cycle.ts'`],
]

const allowed: readonly [file: string, code: string][] = [
  ['service/control/fine.ts', `import '../domain/clock.ts'\nimport '#contract/api.ts'`],
  ['service/drivers/modbus/fine.ts', `import '../../pointmap/types.ts'\nimport '../../domain/clock.ts'`],
  ['service/capture/fine.ts', `import '../control/types.ts'\nimport './format.ts'\nimport 'node:fs'`],
  [
    'service/simulation/fine.ts',
    `import '../capture/format.ts'\nimport '../control/step.ts'\nimport '../drivers/simulated/charger.ts'`,
  ],
  ['service/mapimport/fine.ts', `import '../pointmap/load.ts'\nimport '../domain/csv.ts'\nimport './types.ts'`],
  ['service/runtime/fine.ts', `import '../control/step.ts'\nimport '../drivers/driver.ts'`],
  ['service/access/fine.ts', `import '../domain/clock.ts'\nimport './accounts.ts'`],
  ['service/license/fine.ts', `import '../domain/clock.ts'\nimport './keys.ts'\nimport '#contract/license.ts'`],
  ['service/trust/fine.ts', `import '../domain/clock.ts'\nimport './certificate.ts'`],
  [
    'service/commissioning/listen/fine.ts',
    `import '../../drivers/modbus/crc.ts'\nimport '../../pointmap/types.ts'\nimport '../capture/pcap.ts'`,
  ],
  [
    'service/configuration/fine.ts',
    `import '../pointmap/load.ts'\nimport '../domain/clock.ts'\nimport './site-files.ts'`,
  ],
  ['service/runtime/fine-configuration.ts', `import '../configuration/site-files.ts'`],
  ['service/setup/fine.ts', `import '../configuration/site-files.ts'\nimport './places.ts'`],
  ['service/deployment/fine.ts', `import '../configuration/site-files.ts'\nimport '../pointmap/types.ts'`],
  ['service/runtime/fine-workbench.ts', `import '../commissioning/listen/types.ts'`],
  ['main/fine.ts', `import '../service/trust/certificate.ts'\nimport '#contract/trust.ts'`],
  ['renderer/fine.ts', `import '#contract/api.ts'`],
]

describe('layer rules', () => {
  let folder: string
  let output: string

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'r-ems-layers-'))
    copyFileSync(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'))
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    for (const [file, code] of [...violations, ...allowed]) {
      mkdirSync(dirname(join(folder, file)), { recursive: true })
      writeFileSync(join(folder, file), `${code}\n`)
    }
    const lint = spawnSync(
      join(root, 'node_modules/.bin/oxlint'),
      ['--format=unix', 'service', 'renderer', 'main', 'preload'],
      { cwd: folder, encoding: 'utf8' },
    )
    output = lint.stdout
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const refusals = (file: string) =>
    output.split('\n').filter((line) => line.startsWith(`${file}:`) && line.includes('no-restricted-imports'))

  it.each(violations)('%s may not import that', (file) => {
    expect(refusals(file)).toHaveLength(1)
  })

  it.each(allowed)('%s may', (file) => {
    expect(refusals(file)).toEqual([])
  })
})

describe('SafeSetpoint', () => {
  it('is made in control/limits only', () => {
    const casts = globSync('{service,main,preload,renderer}/**/*.{ts,vue}', { cwd: root }).filter((file) =>
      /as (unknown as )?SafeSetpoint|<SafeSetpoint>/.test(readFileSync(join(root, file), 'utf8')),
    )
    expect(casts).toEqual([join('service', 'control', 'limits.ts')])
  })
})
