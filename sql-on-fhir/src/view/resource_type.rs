//! The names of resource types: what a view can be over.

/// Resource types of FHIR R4, R4B, R5 and the ballot of R6, in the order of names.
const RESOURCE_TYPES: &str = "Account ActivityDefinition ActorDefinition AdministrableProductDefinition AdverseEvent \
    AllergyIntolerance Appointment AppointmentResponse ArtifactAssessment AuditEvent Basic Binary \
    BiologicallyDerivedProduct BiologicallyDerivedProductDispense BodySite BodyStructure Bundle CapabilityStatement CarePlan \
    CareTeam CatalogEntry ChargeItem ChargeItemDefinition Citation Claim ClaimResponse ClinicalAssessment \
    ClinicalImpression ClinicalUseDefinition CodeSystem Communication CommunicationRequest CompartmentDefinition \
    Composition ConceptMap Condition ConditionDefinition Consent Contract Coverage CoverageEligibilityRequest \
    CoverageEligibilityResponse DetectedIssue Device DeviceAlert DeviceAssociation DeviceDefinition DeviceDispense \
    DeviceMetric DeviceRequest DeviceUsage DeviceUseStatement DiagnosticReport DocumentManifest DocumentReference \
    EffectEvidenceSynthesis Encounter EncounterHistory Endpoint EnrollmentRequest EnrollmentResponse EpisodeOfCare \
    EventDefinition Evidence EvidenceReport EvidenceVariable ExampleScenario ExplanationOfBenefit FamilyMemberHistory Flag \
    FormularyItem GenomicStudy Goal GraphDefinition Group GuidanceResponse HealthcareService ImagingSelection \
    ImagingStudy Immunization ImmunizationEvaluation ImmunizationRecommendation ImplementationGuide Ingredient \
    InsurancePlan InsuranceProduct InventoryItem InventoryReport Invoice Library Linkage List Location \
    ManufacturedItemDefinition Measure MeasureReport Media Medication MedicationAdministration MedicationDispense \
    MedicationKnowledge MedicationRequest MedicationStatement MedicationUsage MedicinalProduct \
    MedicinalProductAuthorization MedicinalProductContraindication MedicinalProductDefinition \
    MedicinalProductIndication MedicinalProductIngredient MedicinalProductInteraction MedicinalProductManufactured \
    MedicinalProductPackaged MedicinalProductPharmaceutical MedicinalProductUndesirableEffect MessageDefinition \
    MessageHeader MolecularDefinition MolecularSequence NamingSystem NutritionIntake NutritionOrder NutritionProduct \
    Observation ObservationDefinition OperationDefinition OperationOutcome Organization OrganizationAffiliation \
    PackagedProductDefinition Parameters Patient PaymentNotice PaymentReconciliation Permission Person PersonalRelationship \
    PlanDefinition Practitioner PractitionerRole Procedure Provenance Questionnaire QuestionnaireResponse \
    RegulatedAuthorization RelatedPerson RequestGroup RequestOrchestration Requirements ResearchDefinition \
    ResearchElementDefinition ResearchStudy ResearchSubject RiskAssessment RiskEvidenceSynthesis Schedule \
    SearchParameter ServiceRequest Slot Specimen SpecimenDefinition StructureDefinition StructureMap Subscription \
    SubscriptionStatus SubscriptionTopic Substance SubstanceDefinition SubstanceNucleicAcid SubstancePolymer \
    SubstanceProtein SubstanceReferenceInformation SubstanceSourceMaterial SubstanceSpecification SupplyDelivery \
    SupplyRequest Task TerminologyCapabilities TestPlan TestReport TestScript Transport ValueSet VerificationResult \
    ViewDefinition VisionPrescription";

/// Whether FHIR has resources of this type.
pub(super) fn is_resource_type(name: &str) -> bool {
    RESOURCE_TYPES.split_whitespace().any(|known| known == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resource_types_are_known_by_their_exact_name() {
        assert!(
            is_resource_type("Patient") && is_resource_type("List") && is_resource_type("ViewDefinition")
        );
        for name in ["patient", "Patients", "HumanName", "DomainResource", ""] {
            assert!(!is_resource_type(name), "{name}");
        }
        assert!(RESOURCE_TYPES.split_whitespace().is_sorted());
    }
}
