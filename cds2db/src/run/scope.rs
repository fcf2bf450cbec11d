/// Which resources a run asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Those of the ward patients and of the patients with a running case.
    #[default]
    Patients,
    /// Everything the server has of the described types, for a server or a folder without wards.
    Everything,
}
