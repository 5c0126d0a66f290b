import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { spawnPlant } from '../../../service/drivers/simulated/spawn-plant.ts'
import { connectRaw } from './raw-client.ts'

const entry = new URL('../../../service/plant.ts', import.meta.url)
const options = { entry, nodePath: process.execPath }

/** A process that has ended but was not waited for (its parent being killed) is not alive. */
function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    const stat = `/proc/${pid}/stat`
    return !existsSync(stat) || !readFileSync(stat, 'latin1').includes(') Z ')
  } catch {
    return false
  }
}

test('serves what it reports, obeys commands and is gone when it is disposed of', async () => {
  const plant = await spawnPlant(options)
  expect(Object.keys(plant.devices).toSorted()).toStrictEqual(['battery', 'inverter', 'meter', 'weather'])
  for (const device of Object.values(plant.devices)) expect(device.host).toBe('127.0.0.1')
  const client = await connectRaw(plant.devices.inverter!.port)
  expect(await client.read(3, 40_000, 2)).toStrictEqual([0x5375, 0x6e53])

  await plant.send({ device: 'inverter', fault: 'exception', code: 4 })
  expect(await client.request([3, 0x9c, 0x40, 0, 2])).toStrictEqual([0x83, 4])
  await plant.send({ device: 'inverter', fault: 'none' })
  expect(await client.read(3, 40_000, 2)).toStrictEqual([0x5375, 0x6e53])

  await plant[Symbol.asyncDispose]()
  expect(await plant.exited).toStrictEqual({ code: 0, signal: null })
  expect(alive(plant.pid)).toBe(false)
  await client.closed
  await expect(plant.send({ load: { stepW: 0 } })).rejects.toThrow('the plant has ended')
})

test('a refused command says why, and the process lives on', async () => {
  await using plant = await spawnPlant({ ...options, args: ['--devices', 'meter'] })
  await expect(plant.send({ device: 'battery', fault: 'silent' })).rejects.toThrow('battery does not listen')
  await plant.send({ device: 'meter', fault: 'silent' })
})

test('an aborted signal ends the process', async () => {
  const abort = new AbortController()
  const plant = await spawnPlant({ ...options, args: ['--devices', 'meter'], signal: abort.signal })
  abort.abort()
  expect((await plant.exited).code).toBe(0)
})

test('a plant that dies is seen', async () => {
  await using plant = await spawnPlant({ ...options, args: ['--devices', 'meter'] })
  process.kill(plant.pid, 'SIGKILL')
  expect(await plant.exited).toStrictEqual({ code: null, signal: 'SIGKILL' })
  await expect(plant.send({ load: { stepW: 0 } })).rejects.toThrow('the plant has ended')
})

test('a plant that cannot start is explained', async () => {
  const failing = { ...options, args: ['--devices', 'fridge'] }
  const log: string[] = []
  await expect(spawnPlant({ ...failing, log: (line) => log.push(line) })).rejects.toThrow('the plant did not start')
  expect(log.join('\n')).toContain('--devices')
  await expect(spawnPlant({ ...options, nodePath: '/no/such/node' })).rejects.toThrow('/no/such/node')
})

test('ends with its parent, even when the parent is killed', async () => {
  const parent = spawn(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `import { spawnPlant } from ${JSON.stringify(new URL('../../../service/drivers/simulated/spawn-plant.ts', import.meta.url).href)}
       const plant = await spawnPlant({ entry: new URL(${JSON.stringify(entry.href)}), nodePath: process.execPath })
       console.log(JSON.stringify({ pid: plant.pid, port: plant.devices.meter.port }))`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const [line] = (await once(parent.stdout, 'data')) as [Buffer]
  const { pid, port } = JSON.parse(line.toString()) as { pid: number; port: number }
  const client = await connectRaw(port)
  expect(await client.read(4, 70, 2)).toHaveLength(2)
  parent.kill('SIGKILL')
  // The plant's own exit closes the connection.
  await client.closed
  await expect.poll(() => alive(pid), { timeout: 2000 }).toBe(false)
})

test.each([
  ['--bogus'],
  ['--seed'],
  ['--seed=x'],
  ['--speed=0'],
  ['--start=yesterday'],
  ['--devices=fridge'],
  ['extra'],
])('wrong use (%s) prints the usage and exits with 2', async (flag) => {
  const failure = (await promisify(execFile)(process.execPath, [entry.pathname, flag]).catch(
    (error: unknown) => error,
  )) as { code: number; stdout: string; stderr: string }
  expect(failure.code).toBe(2)
  expect(failure.stdout).toBe('')
  expect(failure.stderr).toContain('Usage: plant')
})
