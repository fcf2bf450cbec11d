//! The prefixes and unit atoms of UCUM as data, case sensitive (`c/s`). Source: <https://ucum.org/ucum>, version 2.1.

/// Prefixes of metric atoms.
pub(super) const PREFIXES: [&str; 24] = [
    "Y", "Z", "E", "P", "T", "G", "M", "k", "h", "da", "d", "c", "m", "u", "n", "p", "f", "a", "z", "y",
    "Ki", "Mi", "Gi", "Ti",
];

/// Atoms that take a prefix.
pub(super) const METRIC: &str = "
    m s g rad K C cd
    mol sr Hz N Pa J W A V F Ohm S Wb Cel T H lm lx Bq Gy Sv
    l L ar t bar u eV pc
    Ky Gal dyn erg P Bi St Mx G Oe Gb sb Lmb ph Ci R RAD REM
    cal cal_[15] cal_[20] cal_m cal_IT cal_th tex
    [iU] [IU] kat U
    bit By Bd
    g% st mho Np B B[SPL] B[V] B[mV] B[uV] B[10.nV] B[W] B[kW]
    eq osm [mu_0] [eps_0] [k] [h] [e] [m_e] [m_p] [G] [c] [ly]
    gf m[H2O] m[Hg] [m/s2/Hz^(1/2)]
";

/// Atoms that stand without a prefix.
pub(super) const PLAIN: &str = "
    10* 10^ [pi] % [ppth] [ppm] [ppb] [pptr]
    gon deg ' ''
    min h d a_t a_j a_g a wk mo_s mo_j mo_g mo
    AU atm [lbf_av]
    [in_i] [ft_i] [yd_i] [mi_i] [fth_i] [nmi_i] [kn_i] [sin_i] [sft_i] [syd_i] [cin_i] [cft_i] [cyd_i] [bf_i] [cr_i] [mil_i] [cml_i] [hd_i]
    [ft_us] [yd_us] [in_us] [rd_us] [ch_us] [lk_us] [rch_us] [rlk_us] [fth_us] [fur_us] [mi_us] [acr_us] [srd_us] [smi_us] [sct] [twp] [mil_us]
    [in_br] [ft_br] [rd_br] [ch_br] [lk_br] [fth_br] [pc_br] [yd_br] [mi_br] [nmi_br] [kn_br] [acr_br]
    [gal_us] [bbl_us] [qt_us] [pt_us] [gil_us] [foz_us] [fdr_us] [min_us] [crd_us] [bu_us] [gal_wi] [pk_us] [dqt_us] [dpt_us] [tbs_us] [tsp_us] [cup_us] [foz_m] [cup_m] [tsp_m] [tbs_m]
    [gal_br] [pk_br] [bu_br] [qt_br] [pt_br] [gil_br] [foz_br] [fdr_br] [min_br]
    [gr] [lb_av] [oz_av] [dr_av] [scwt_av] [lcwt_av] [ston_av] [lton_av] [stone_av]
    [pwt_tr] [oz_tr] [lb_tr] [sc_ap] [dr_ap] [oz_ap] [lb_ap] [oz_m]
    [lne] [pnt] [pca] [pnt_pr] [pca_pr] [pied] [pouce] [ligne] [didot] [cicero]
    [degF] [degR] [degRe] [Cal] [Btu_39] [Btu_59] [Btu_60] [Btu_m] [Btu_IT] [Btu_th] [Btu] [HP] [den]
    [in_i'H2O] [in_i'Hg] [PRU] [wood'U] [diop] [p'diop] %[slope] [mesh_i] [Ch] [drp] [MET]
    [hp'_X] [hp'_C] [hp'_M] [hp'_Q] [hp_X] [hp_C] [hp_M] [hp_Q] [kp_X] [kp_C] [kp_M] [kp_Q]
    [pH] [S] [HPF] [LPF] [arb'U] [USP'U] [GPL'U] [MPL'U] [APL'U] [beth'U] [anti'Xa'U] [todd'U] [dye'U] [smgy'U] [bdsk'U] [ka'U] [knk'U] [mclg'U] [tb'U]
    [CCID_50] [TCID_50] [EID_50] [PFU] [FFU] [CFU] [D'ag'U] [FEU] [ELU] [EU] [Lf] [AU] [IR] [PNU] [BAU] [Amb'a'1'U] [hnsf'U]
    [psi] [car_m] [car_Au] [smoot] bit_s sph circ 
";

/// What people write, and what they mean.
pub(super) const MEANT: [(&str, &str); 38] = [
    ("°C", "Cel"),
    ("C°", "Cel"),
    ("Grad", "deg"),
    ("Grad C", "Cel"),
    ("Grad Celsius", "Cel"),
    ("°F", "[degF]"),
    ("mmHg", "mm[Hg]"),
    ("mm Hg", "mm[Hg]"),
    ("mmHG", "mm[Hg]"),
    ("cmH2O", "cm[H2O]"),
    ("cm H2O", "cm[H2O]"),
    ("bpm", "/min"),
    ("1/min", "/min"),
    ("x/min", "/min"),
    ("Schläge/min", "/min"),
    ("IE", "[IU]"),
    ("I.E.", "[IU]"),
    ("IU", "[IU]"),
    ("IE/l", "[IU]/L"),
    ("IU/l", "[IU]/L"),
    ("IU/L", "[IU]/L"),
    ("IE/ml", "[IU]/mL"),
    ("IU/mL", "[IU]/mL"),
    ("mIU/L", "m[IU]/L"),
    ("µIU/mL", "u[IU]/mL"),
    ("kg/m²", "kg/m2"),
    ("m²", "m2"),
    ("Tag", "d"),
    ("Tage", "d"),
    ("Stunde", "h"),
    ("Std", "h"),
    ("Minute", "min"),
    ("Sekunde", "s"),
    ("sec", "s"),
    ("Woche", "wk"),
    ("Monat", "mo"),
    ("Jahr", "a"),
    ("Prozent", "%"),
];
