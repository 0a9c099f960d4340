"""3: which files are accepted; TikTok looks after the last byte, never at the init."""

from conformance.account import Account
from conformance.book import case
from conformance.place import FILES, PROCESSING
from conformance.reply import refused, same
from conformance.stage import Stage
from conformance.wishes import JPEG, by_file, by_url, movie

FORMAT = "file_format_check_failed"
WEBM = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm"
WEBP = b"RIFF\x24\x00\x00\x00WEBPVP8 "
GIB = 1024**3

_VIDEOS = {
    "MP4": movie(500),
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
def _(stage: Stage, film: bytes) -> None:
    with stage.settings(check_media=True):
        account = stage.account()
        account.expect(account.processed(content=film), "PUBLISH_COMPLETE")


@case("3", "{film} fails with file_format_check_failed, after its last byte was taken", film=_NO_VIDEOS)
def _(stage: Stage, film: bytes) -> None:
    with stage.settings(check_media=True):
        account = stage.account()
        publish_id = account.uploaded(content=film)
        account.expect(publish_id, "PROCESSING_UPLOAD", fail_reason=None)
        stage.advance(PROCESSING + 1)
        account.expect(publish_id, "FAILED", fail_reason=FORMAT)


@case("3", "what a fetched video is, is looked at as well")
def _(stage: Stage) -> None:
    account = stage.account(stage.app(verified_urls=[FILES]))
    publish_id = account.init(by_url(stage.file(_NO_VIDEOS["AVI"]))).data["publish_id"]
    same(account.fetched(publish_id).get("fail_reason"), FORMAT)


@case("3", "what a draft is, is looked at as well")
def _(stage: Stage) -> None:
    account = stage.account()
    account.expect(account.processed(draft=True, content=_NO_VIDEOS["FLV"]), "FAILED", fail_reason=FORMAT)


def _photo(stage: Stage, content: bytes) -> tuple[Account, str]:
    account = stage.account(stage.app(verified_urls=[FILES]))
    return account, str(account.photos(stage.file(content)).data["publish_id"])


@case("3", "a photo may be {picture}", picture={"JPEG": JPEG, "WebP": WEBP + bytes(100)})
def _(stage: Stage, picture: bytes) -> None:
    account, publish_id = _photo(stage, picture)
    same(account.fetched(publish_id)["status"], "PUBLISH_COMPLETE")


@case(
    "3",
    "a photo that is {picture} fails with file_format_check_failed",
    picture={"PNG": _NO_VIDEOS["PNG"], "GIF": b"GIF89a" + bytes(50), "text": b"no picture", "MP4": movie(100)},
)
def _(stage: Stage, picture: bytes) -> None:
    account, publish_id = _photo(stage, picture)
    same(account.fetched(publish_id).get("fail_reason"), FORMAT)


@case("3", "one photo of the wrong kind fails the whole post")
def _(stage: Stage) -> None:
    account = stage.account(stage.app(verified_urls=[FILES]))
    publish_id = account.photos(stage.file(JPEG), stage.file(_NO_VIDEOS["PNG"])).data["publish_id"]
    same(account.fetched(publish_id).get("fail_reason"), FORMAT)


@case("3", "a photo may have 20 MB")
def _(stage: Stage) -> None:
    account, publish_id = _photo(stage, JPEG + bytes(20_000_000 - len(JPEG)))
    same(account.fetched(publish_id)["status"], "PUBLISH_COMPLETE")


@case("3", "a photo beyond 20 MB fails with picture_size_check_failed")
def _(stage: Stage) -> None:
    account, publish_id = _photo(stage, JPEG + bytes(20_000_001 - len(JPEG)))
    same(account.fetched(publish_id).get("fail_reason"), "picture_size_check_failed")


@case("3", "a video may have 4 GiB and no more")
def _(stage: Stage) -> None:
    account = stage.account()
    same(account.init(by_file(4 * GIB, 64_000_000, 67)).code, "ok")
    refused(account.init(by_file(4 * GIB + 1, 64_000_000, 67)), 400, "invalid_params")
