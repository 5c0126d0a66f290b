import type { PduDevice } from '../../../service/drivers/simulated/modbus-pdu.ts'
import { createRegisterBank } from '../../../service/drivers/simulated/register-bank.ts'

/** The simulator's device with registers 0..count-1, each a scramble of its address. */
export function scrambledDevice(count: number, salt = 0): PduDevice {
  const bank = createRegisterBank(
    Array.from({ length: count }, (_, address) => ({
      table: 'holding' as const,
      address,
      words: 1,
      read: () => [scrambled(address, salt)],
    })),
  )
  return { bank }
}

export const scrambled = (address: number, salt = 0): number => ((address + salt) * 40_503) & 0xffff
