"""How people name the columns of each role. Spelling does not count: ``userId`` is ``user_id``."""

import re
from collections.abc import Mapping

NAMES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "user": (
        (
            *("userid", "user", "uid", "usr", "usrid", "username", "userindex", "useridx"),
            *("customerid", "customer", "custid", "cid", "clientid", "client", "reviewerid"),
            *("memberid", "member", "visitorid", "fullvisitorid", "buyerid", "buyer", "shopperid"),
            *("readerid", "viewerid", "listenerid", "subscriberid", "msno", "useruuid"),
        ),
        (
            *("sessionid", "session", "accountid", "account", "profileid", "personid", "person"),
            *("householdid", "householdkey", "deviceid", "cookieid", "reviewer", "authorid"),
        ),
    ),
    "item": (
        (
            *("itemid", "item", "iid", "itemindex", "itemidx", "productid", "product", "sku"),
            *("asin", "parentasin", "articleid", "movieid", "videoid", "newsid", "bookid", "isbn"),
            *("trackid", "songid", "artistid", "businessid", "gmapid", "gameid", "appid"),
            *("recipeid", "venueid", "poiid", "poi", "placeid", "contentid", "goodsid"),
            *("stockcode", "docid", "courseid", "jobid", "beerid", "animeid", "listingid"),
            *("offerid", "showid", "pid", "vid", "aid", "noteid", "postid", "photoid"),
        ),
        (
            *("article", "movie", "video", "news", "book", "track", "song", "artist", "business"),
            *("game", "app", "recipe", "venue", "place", "content", "course", "job", "anime"),
        ),
    ),
    "time": (
        (
            *("timestamp", "time", "ts", "datetime", "date", "unixtime", "unixtimestamp"),
            *("unixreviewtime", "reviewtime", "eventtime", "createdat", "created", "tdat", "t"),
            *("purchasedate", "orderdate", "invoicedate", "transactiondate", "visittime"),
            *("timestampms", "unixts", "epoch", "playedat", "clicktime", "visitedat"),
        ),
    ),
    "rating": (
        ("rating", "ratings", "stars", "starrating", "overall", "score", "rate", "ratingvalue"),
    ),
    "text": (
        (
            *("title", "name", "itemtitle", "itemname", "producttitle", "productname", "prodname"),
            *("movietitle", "booktitle", "newstitle", "videotitle", "titleen", "entitle"),
            *("headline", "articletitle", "songname", "trackname", "artistname", "gamename"),
        ),
        ("description", "detaildesc", "desc", "text", "summary", "content", "abstract", "caption"),
    ),
    "image": (
        (
            *("image", "imagepath", "imagefile", "imagename", "img", "imgpath", "cover"),
            *("coverpath", "poster", "posterpath", "photo", "picture", "thumbnail"),
        ),
    ),
}
"""Names by role, the likelier group first, in lower case without blanks and signs."""
WORDS: Mapping[str, tuple[str, ...]] = {
    "user": ("user", "customer", "client", "reviewer", "member", "visitor", "buyer", "shopper"),
    "item": ("item", "product", "article", "movie", "video", "book", "track", "song", "sku"),
    "time": ("time", "timestamp", "date", "datetime", "created"),
    "rating": ("rating", "stars"),
    "text": ("title", "name"),
    "image": ("image", "img", "cover", "poster", "photo", "picture"),
}
"""Words in longer names, which count least: ``customer_key`` may be the user."""


def rank_of(role: str, name: str) -> int | None:
    """Return how well a column's name fits a role, 0 best; None if it does not."""
    plain = re.sub(r"[\W_]+", "", name.lower())
    for rank, group in enumerate(NAMES[role]):
        if plain in group:
            return rank
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name).replace("_", " ").lower()
    return len(NAMES[role]) if set(re.findall(r"\w+", words)) & set(WORDS[role]) else None


def is_named(name: str) -> bool:
    """Whether a column's name fits any role; then the row it stands in is a header."""
    plain = re.sub(r"[\W_]+", "", name.lower())
    return any(plain in group for groups in NAMES.values() for group in groups)


def best_named(role: str, columns: list[str]) -> list[str]:
    """Return the columns whose names fit a role best; several if they fit equally well."""
    ranks = {name: rank for name in columns if (rank := rank_of(role, name)) is not None}
    return [name for name, rank in ranks.items() if rank == min(ranks.values())]
