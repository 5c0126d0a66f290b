import { readFileSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openPorts } from '../../../../service/runtime/workbench/ports.ts'
import { hasSocat, openPtyPair } from '../../../drivers/support/pty.ts'
import { temporaryFolder } from './support.ts'

async function bench(folder = temporaryFolder(), buses: readonly string[] = []) {
  const troubles: string[] = []
  const ports = await openPorts({ folder, busNames: () => buses, trouble: (message) => troubles.push(message) })
  const at = async (path: string) => (await ports.list()).find((port) => port.path === path)
  return { folder, ports, troubles, at }
}

describe.skipIf(!hasSocat)(`ports that were typed in${hasSocat ? '' : ' (socat is not installed)'}`, () => {
  test('are there while something is behind them, and remembered while not', async () => {
    const { folder, ports, at } = await bench()
    const pair = await openPtyPair()
    await ports.add(pair.client)
    await ports.add(pair.client)
    expect(await at(pair.client)).toMatchObject({ kind: 'terminal', present: true, manual: true, heldAs: null })
    await pair.unplug()
    expect(await at(pair.client)).toMatchObject({ present: false, manual: true })
    const again = await bench(folder)
    expect(await again.at(pair.client)).toMatchObject({ present: false, manual: true })
    await again.ports.remove(pair.client)
    expect(await again.at(pair.client)).toBeUndefined()
    await expect(again.ports.remove(pair.client)).rejects.toMatchObject({ code: 'workbench.unknown' })
    await pair[Symbol.asyncDispose]()
  })

  test('are told to be in use by the service under whatever name', async () => {
    await using pair = await openPtyPair()
    const folder = temporaryFolder()
    const alias = join(folder, 'meter-bus')
    symlinkSync(pair.client, alias)
    const bus = `rtu://${pair.client}?baud=9600&parity=N&stopbits=1`
    const { ports, at } = await bench(folder, [bus])
    await ports.add(alias)
    expect(await at(alias)).toMatchObject({ heldAs: bus })
    unlinkSync(alias)
    expect(await at(alias)).toMatchObject({ present: false })
  })
})

test('a file of ports that was edited into something else is set aside, and said', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'ports.yaml'), 'ports: nonsense\n')
  const { ports, troubles } = await bench(folder)
  expect(troubles).toEqual([expect.stringContaining('it is kept as')])
  await ports.add('/dev/ttyUSB7')
  expect(readFileSync(join(folder, 'ports.yaml'), 'utf8')).toContain('- /dev/ttyUSB7')
})
