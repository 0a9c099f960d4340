"""3: which files are accepted; TikTok checks after the last byte, not at the init."""

from conformance.account import Account
from conformance.case_registry import case
from conformance.checks import check_equal, check_refused
from conformance.request_bodies import JPEG, file_source, mp4_bytes, url_source
from conformance.sandbox_client import FILE_HOST, PROCESSING
from conformance.scenario import Scenario

FORMAT = "file_format_check_failed"
WEBM = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm"
WEBP = b"RIFF\x24\x00\x00\x00WEBPVP8 "
GIB = 1024**3

_VIDEOS = {
    "MP4": mp4_bytes(500),
    "MOV that begins with ftyp": b"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  " + bytes(400),
    "MOV that begins with moov": b"\x00\x00\x01\x00moov" + bytes(400),
    "WebM": WEBM + bytes(400),
}
_NO_VIDEOS = {
    "AVI": b"RIFF\x24\x00\x00\x00AVI LIST" + bytes(400),
    "FLV": b"FLV\x01\x05" + bytes(400),
    "WMV": b"\x30\x26\xb2\x75\x8e\x66\xcf\x11" + bytes(400),
    "MPEG": b"\x00\x00\x01\xba" + bytes(400),
    "Matroska": b"\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska" + bytes(400),
    "PNG": b"\x89PNG\r\n\x1a\n" + bytes(400),
    "JPEG": JPEG + bytes(400),
    "text": b"This is no video at all. " * 20,
}


@case("3", "{film} is accepted", film=_VIDEOS)
def _(scenario: Scenario, film: bytes) -> None:
    with scenario.settings(check_media=True):
        account = scenario.account()
        account.check_status(account.upload_and_process(content=film), "PUBLISH_COMPLETE")


@case("3", "{film} fails with file_format_check_failed at the end", film=_NO_VIDEOS)
def _(scenario: Scenario, film: bytes) -> None:
    with scenario.settings(check_media=True):
        account = scenario.account()
        publish_id = account.upload_video(content=film)
        account.check_status(publish_id, "PROCESSING_UPLOAD", fail_reason=None)
        scenario.advance(PROCESSING + 1)
        account.check_status(publish_id, "FAILED", fail_reason=FORMAT)


@case("3", "what a fetched video is, is looked at as well")
def _(scenario: Scenario) -> None:
    account = scenario.account(scenario.app(verified_urls=[FILE_HOST]))
    publish_id = account.init(url_source(scenario.file(_NO_VIDEOS["AVI"]))).data["publish_id"]
    check_equal(account.wait_for_download(publish_id).get("fail_reason"), FORMAT)


@case("3", "what a draft is, is looked at as well")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    account.check_status(
        account.upload_and_process(draft=True, content=_NO_VIDEOS["FLV"]), "FAILED", fail_reason=FORMAT
    )


def _photo(scenario: Scenario, content: bytes) -> tuple[Account, str]:
    account = scenario.account(scenario.app(verified_urls=[FILE_HOST]))
    return account, str(account.photos(scenario.file(content)).data["publish_id"])


@case("3", "a photo may be {picture}", picture={"JPEG": JPEG, "WebP": WEBP + bytes(100)})
def _(scenario: Scenario, picture: bytes) -> None:
    account, publish_id = _photo(scenario, picture)
    check_equal(account.wait_for_download(publish_id)["status"], "PUBLISH_COMPLETE")


@case(
    "3",
    "a photo that is {picture} is file_format_check_failed",
    picture={"PNG": _NO_VIDEOS["PNG"], "GIF": b"GIF89a" + bytes(50), "text": b"no picture", "MP4": mp4_bytes(100)},
)
def _(scenario: Scenario, picture: bytes) -> None:
    account, publish_id = _photo(scenario, picture)
    check_equal(account.wait_for_download(publish_id).get("fail_reason"), FORMAT)


@case("3", "one photo of the wrong kind fails the whole post")
def _(scenario: Scenario) -> None:
    account = scenario.account(scenario.app(verified_urls=[FILE_HOST]))
    publish_id = account.photos(scenario.file(JPEG), scenario.file(_NO_VIDEOS["PNG"])).data["publish_id"]
    check_equal(account.wait_for_download(publish_id).get("fail_reason"), FORMAT)


@case("3", "a photo may have 20 MB")
def _(scenario: Scenario) -> None:
    account, publish_id = _photo(scenario, JPEG + bytes(20_000_000 - len(JPEG)))
    check_equal(account.wait_for_download(publish_id)["status"], "PUBLISH_COMPLETE")


@case("3", "a photo beyond 20 MB fails with picture_size_check_failed")
def _(scenario: Scenario) -> None:
    account, publish_id = _photo(scenario, JPEG + bytes(20_000_001 - len(JPEG)))
    check_equal(account.wait_for_download(publish_id).get("fail_reason"), "picture_size_check_failed")


@case("3", "a video may have 4 GiB and no more")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    check_equal(account.init(file_source(4 * GIB, 64_000_000, 67)).code, "ok")
    check_refused(account.init(file_source(4 * GIB + 1, 64_000_000, 67)), 400, "invalid_params")
