import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { pass, startPlant } from './plant-on-clock.ts'

const python = '/usr/bin/python3'
const script = `
import json, struct, sys
from pymodbus.client import ModbusTcpClient
client = ModbusTcpClient('127.0.0.1', port=int(sys.argv[1]))
assert client.connect()
answer = client.read_input_registers(0, 76, slave=1)
assert not answer.isError(), answer
words = answer.registers
out = {str(a): struct.unpack('>f', struct.pack('>HH', words[a], words[a + 1]))[0] for a in range(0, 76, 2)}
assert client.read_input_registers(400, 2, slave=1).exception_code == 2
battery = ModbusTcpClient('127.0.0.1', port=int(sys.argv[2]))
assert battery.connect()
assert not battery.write_registers(200, [0xffff, 0xf830, 30], slave=1).isError()
assert not battery.write_register(203, 1, slave=1).isError()
assert battery.write_register(203, 2, slave=1).exception_code == 3
out['setpoint'] = battery.read_holding_registers(200, 5, slave=1).registers
print(json.dumps(out))
`

test('pymodbus reads the same values from the meter and commands the battery', async (context) => {
  const installed =
    existsSync(python) &&
    (await promisify(execFile)(python, ['-c', 'import pymodbus.client']).then(
      () => true,
      () => false,
    ))
  if (!installed) context.skip(`needs the Debian package python3-pymodbus (${python})`)
  const { clock, plant } = await startPlant()
  await pass(clock, 20)
  const { stdout } = await promisify(execFile)(python, [
    '-c',
    script,
    String(plant.devices.meter!.port),
    String(plant.devices.battery!.port),
  ])
  const values = JSON.parse(stdout) as Record<string, unknown>
  const { grid } = plant.state()
  expect(values).toMatchObject({
    0: Math.fround(grid.voltageV.l1),
    8: Math.fround(grid.currentA.l2),
    16: Math.fround(grid.phaseW.l3),
    52: Math.fround(grid.powerW),
    70: Math.fround(grid.frequencyHz),
    72: Math.fround(grid.importWh / 1000),
    74: Math.fround(grid.exportWh / 1000),
    setpoint: [0xffff, 0xf830, 30, 1, 30],
  })
  await pass(clock, 3)
  expect(plant.state().battery.powerW).toBeCloseTo(2000, 0)
})
