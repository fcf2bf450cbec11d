//! The keys of the configuration: which are read, and which existing files have that do nothing here.

/// Keys of a `.auth` table that open an Azure or S3 store.
pub(super) const AUTH: [&str; 14] = [
    "auth_mode",
    "azure_account_url",
    "azure_account_name",
    "azure_sas_token",
    "azure_account_key",
    "azure_connection_string",
    "azure_use_emulator",
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "aws_region",
    "aws_endpoint",
    "aws_allow_http",
    "aws_profile",
];

/// The pattern of a modality where the configuration has none.
pub(super) fn default_pattern(modality: &str, by_patient: bool) -> String {
    match modality {
        "Images" | "Waveforms" => format!("{{patient_id:w}}/{modality}/{{filepath}}"),
        _ if by_patient => format!("{{patient_id:w}}/{modality}/{{filepath}}"),
        _ => format!("{modality}/{{filepath}}"),
    }
}
