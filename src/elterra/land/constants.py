"""Physical constants, with the names and values of CLM5 (tech note, table of constants)."""

SB = 5.67e-8  #: Stefan-Boltzmann constant, W m-2 K-4
GRAV = 9.80616  #: gravity, m s-2
PI = 3.14159265358979323846
VKC = 0.4  #: von Karman constant
RGAS = 6.02214e26 * 1.38065e-23  #: universal gas constant, J K-1 kmol-1
RAIR = RGAS / 28.966  #: gas constant of dry air, J K-1 kg-1
RWAT = RGAS / 18.016  #: gas constant of water vapour, J K-1 kg-1
CPAIR = 1.00464e3  #: specific heat of dry air, J K-1 kg-1
CPLIQ = 4.188e3  #: specific heat of water, J K-1 kg-1
CPICE = 2.11727e3  #: specific heat of ice, J K-1 kg-1
TFRZ = 273.15  #: freezing point of water, K
HFUS = 3.337e5  #: latent heat of fusion, J kg-1
HVAP = 2.501e6  #: latent heat of evaporation, J kg-1
HSUB = HVAP + HFUS  #: latent heat of sublimation, J kg-1
DENH2O = 1.0e3  #: density of liquid water, kg m-3
DENICE = 0.917e3  #: density of ice, kg m-3
TKWAT = 0.57  #: thermal conductivity of water, W m-1 K-1
TKICE = 2.29  #: thermal conductivity of ice, W m-1 K-1
TKAIR = 0.023  #: thermal conductivity of air, W m-1 K-1
EPS_WATER_AIR = 0.622  #: ratio of the molar masses of water and dry air
SECSPDAY = 86400.0  #: seconds per day
MOLAR_MASS_C = 12.011  #: g mol-1
