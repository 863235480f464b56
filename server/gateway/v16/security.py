"""The security whitepaper for OCPP 1.6: certificates, keys and profiles, and what stations say of their security."""

from server.gateway.v16.messages import Message

AUTHORIZATION_KEY, SECURITY_PROFILE = "AuthorizationKey", "SecurityProfile"
REQUEST = "SignChargePointCertificate"


class SignCertificate(Message, frozen=True):
    """A station's request for a certificate (PEM)."""

    csr: str


class SecurityEventNotification(Message, frozen=True):
    """Something happened; `type` is a word of the whitepaper's, or of the maker's own."""

    type: str
    timestamp: str | None = None
    tech_info: str | None = None


class CertificateSigned(Message, frozen=True):
    """The answer to a request, later: the chain, leaf first."""

    certificate_chain: str


class InstallCertificate(Message, frozen=True):
    """A root for the station to trust: CentralSystemRootCertificate or ManufacturerRootCertificate."""

    certificate_type: str
    certificate: str


class HashData(Message, frozen=True):
    """A certificate by the hashes of its issuer and its serial number (hex)."""

    hash_algorithm: str
    issuer_name_hash: str
    issuer_key_hash: str
    serial_number: str


class DeleteCertificate(Message, frozen=True):
    """Trust this one no more."""

    certificate_hash_data: HashData


class GetInstalledCertificateIds(Message, frozen=True):
    """Which roots of a type are there?"""

    certificate_type: str


class InstalledAnswer(Message, frozen=True):
    """Accepted with them, or NotFound."""

    status: str
    certificate_hash_data: tuple[HashData, ...] | None = None


class ExtendedTriggerMessage(Message, frozen=True):
    """Say this now: SignChargePointCertificate among others."""

    requested_message: str
    connector_id: int | None = None


SecurityCommand = (
    CertificateSigned | InstallCertificate | DeleteCertificate | GetInstalledCertificateIds | ExtendedTriggerMessage
)


class SignCertificateAnswer(Message, frozen=True):
    """Accepted: the certificate comes later; Rejected."""

    status: str
