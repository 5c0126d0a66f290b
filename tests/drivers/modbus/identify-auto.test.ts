import { expect, test } from 'vitest'
import { parseBusAddress } from '../../../service/drivers/modbus/address.ts'
import { createReadOnlyBus } from '../../../service/drivers/modbus/bus.ts'
import { identifyBus } from '../../../service/drivers/modbus/identify-auto.ts'
import { realClock } from '../support/clock.ts'
import { hasSocat, openPtyPair, startPtyDevice } from '../support/pty.ts'
import { createTestUnit, ramp } from '../support/test-device.ts'

test.skipIf(!hasSocat)(
  `a device of a line is found behind many IDs of nobody${hasSocat ? '' : ' (socat is not installed)'}`,
  async () => {
    await using pair = await openPtyPair()
    await using _ = await startPtyDevice(pair.device, { 126: createTestUnit(ramp(20)) })
    const address = parseBusAddress(`rtu://${pair.client}?baud=115200`)
    await using bus = createReadOnlyBus({ address, clock: realClock })
    const found = await identifyBus({ bus, clock: realClock, maps: [], sunspecModels: new Map() })
    expect(found.unitIds).toEqual([126])
    expect(bus.stats().opens).toBe(1)
  },
)
