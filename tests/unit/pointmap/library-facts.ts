/** Which maps carry the collected facts of which device, and where they differ on purpose. */

export const carried: Readonly<Record<string, readonly string[]>> = {
  'sma-inverter': ['sma/inverter', 'sma/hybrid'],
  'sma-datamanager': ['sma/data-manager'],
  'fronius-gen24': ['fronius/gen24'],
  'solaredge-inverter': ['solaredge/inverter', 'solaredge/hybrid'],
  'huawei-sun2000': ['huawei/sun2000'],
  'sungrow-sg': ['sungrow/sg'],
  'sungrow-sh': ['sungrow/sh'],
  'growatt-classic': ['growatt/classic'],
  'growatt-tlxh': ['growatt/tl-xh', 'growatt/vpp'],
  'deye-hybrid-3p': ['deye/hybrid-3p', 'deye/hybrid-3p-hv'],
  'deye-hybrid-1p': ['deye/hybrid-1p'],
  'victron-gx': ['victron/gx'],
  'victron-evcs': ['victron/evcs'],
  'kostal-plenticore': ['kostal/plenticore', 'kostal/plenticore-big-endian'],
  'cg-em24-rtu': ['carlo-gavazzi/em24-rtu'],
  'cg-em24-e1': ['carlo-gavazzi/em24-e1'],
  'cg-em340': ['carlo-gavazzi/em340'],
  'eastron-sdm120': ['eastron/sdm120'],
  'eastron-sdm630': ['eastron/sdm630'],
  'janitza-umg96rm': ['janitza/umg96rm'],
  'janitza-b23': ['janitza/b23'],
  'alfen-eve': ['alfen/eve'],
  'keba-p30': ['keba/p30'],
}

/** SunSpec models of a device in the order in which it has them, and the length of its common model. */
export const sunspecDevices: Readonly<
  Record<string, { readonly models: readonly number[]; readonly common?: number }>
> = {
  'fronius-gen24': { models: [1, 103, 120, 121, 122, 123, 160, 124] },
  'solaredge-inverter': { models: [1, 103], common: 65 },
  'kostal-plenticore': { models: [1, 103, 120, 123, 160, 802] },
}

/** Facts that no map carries, with the reason. */
export const leftOut: Readonly<Record<string, string>> = {
  'fronius-gen24/sunspec_model_walk': 'not a point; the walk starts at the same address',
  'cg-em24-e1/phase_sequence': 'the source knows only the two values 0 and 65535; no use for control',
  'cg-em24-e1/front_switch': 'a setting for commissioning, named in the quirks',
}

interface Deviation {
  readonly differs: readonly string[]
  readonly reason: string
}

const bigEndian: Deviation = {
  differs: ['type float32 instead of float32s'],
  reason: 'the facts give the factory setting; this map is for the other setting of the menu',
}
const highVoltage: Deviation = {
  differs: ['scale 10 instead of 1'],
  reason: 'the facts give the low voltage models; high voltage models count tens of watts, as their quirks say',
}

/** Facts that a map carries otherwise: what differs, and why. */
export const otherwise: Readonly<Record<string, Deviation>> = {
  'sungrow-sh/running_state in sungrow/sh': {
    differs: ['type bit:1 instead of uint16'],
    reason: 'the map takes the one bit that has the direction of the battery',
  },
  'deye-hybrid-3p/battery_power in deye/hybrid-3p-hv': highVoltage,
  'deye-hybrid-3p/pv1_power in deye/hybrid-3p-hv': highVoltage,
  'deye-hybrid-3p/pv2_power in deye/hybrid-3p-hv': highVoltage,
  'kostal-plenticore/grid_power_via_inverter in kostal/plenticore-big-endian': bigEndian,
  'kostal-plenticore/installed_battery_capacity in kostal/plenticore-big-endian': bigEndian,
  'kostal-plenticore/total_dc_energy in kostal/plenticore-big-endian': bigEndian,
  'kostal-plenticore/battery_charge_setpoint in kostal/plenticore-big-endian': bigEndian,
  'kostal-plenticore/max_charge_power_limit in kostal/plenticore-big-endian': bigEndian,
  'kostal-plenticore/max_discharge_power_limit in kostal/plenticore-big-endian': bigEndian,
  'kostal-plenticore/min_soc in kostal/plenticore-big-endian': bigEndian,
  'kostal-plenticore/max_soc in kostal/plenticore-big-endian': bigEndian,
}

/** Facts that a machine did not find in their source, but that stand in another one which the map names. */
export const citedElsewhere: Readonly<Record<string, string>> = {
  'solaredge-inverter/ac_power': 'the SunSpec model definitions',
  'solaredge-inverter/energy_total': 'the SunSpec model definitions',
  'solaredge-inverter/status': 'the SunSpec model definitions',
  'janitza-umg96rm/power_l1': 'volkszaehler/mbmd, for the same block',
}

/** Facts whose sign the maps turn although the fact does not, with the reason. */
export const turned: Readonly<Record<string, string>> = {
  'huawei-sun2000/current_l1':
    'positive is export, as for the power in 37113; the source turns it in its newer version',
  'huawei-sun2000/battery_power': 'positive is charging; the source turns it in its newer version',
  'victron-gx/battery_power': 'positive is charging, after the register list of the maker',
  'victron-gx/battery_current': 'positive is charging, after the register list of the maker',
}
