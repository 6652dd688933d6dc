"""What a principal reason is called before the person it is about, and what he can do: in each language of the pages.

Each text is true whatever the value is, as long as the feature is among the reasons. Features with a direction are
named by it (more, less); those without one are named only. There are none for protected attributes or their proxies.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

LANGUAGES = ("en", "zh-hant", "zh-hans")


@dataclass(frozen=True, slots=True)
class Review:
    """Whether a person who reads all of LANGUAGES has found the texts true and fair; who, and when."""

    state: Literal["draft", "reviewed"]
    by: str = ""
    on: date | None = None


REVIEWED = Review("reviewed", "the authors of Luopan", date(2026, 11, 24))


@dataclass(frozen=True, slots=True)
class Texts:
    """For one feature and each of LANGUAGES: the reason, the reason where no value was known, what helps.

    A draft stands on no page: to whoever asks for it, it is not there.
    """

    reason: tuple[str, str, str]
    missing: tuple[str, str, str]
    helps: tuple[str, str, str]
    review: Review = Review("draft")


TEXTS: dict[str, Texts] = {
    "employment": Texts(
        ("Your kind of employment carries more risk in our assessment",
         "您的就業類型在我們的評估中風險較高", "您的就业类型在我们的评估中风险较高"),
        ("We do not know how you are employed", "我們不知道您的就業狀況", "我们不知道您的就业状况"),
        ("If your work changes, apply again with your new employment",
         "如您的工作有變動，請以新的就業狀況再次申請", "如您的工作有变动，请以新的就业状况再次申请"),
        REVIEWED,
    ),
    "employment_years": Texts(
        ("You have been in your present work for a short time", "您從事現職的時間較短", "您从事现职的时间较短"),
        ("We do not know how long you have been in your present work",
         "我們不知道您從事現職的時間", "我们不知道您从事现职的时间"),
        ("Staying in your present work for longer helps", "從事現職更長時間會有幫助", "从事现职更长时间会有帮助"),
        REVIEWED,
    ),
    "housing": Texts(
        ("Your housing situation carries more risk in our assessment",
         "您的居住狀況在我們的評估中風險較高", "您的居住状况在我们的评估中风险较高"),
        ("We do not know your housing situation", "我們不知道您的居住狀況", "我们不知道您的居住状况"),
        ("If your housing changes, apply again with your new situation",
         "如您的居住狀況有變，請以新的狀況再次申請", "如您的居住状况有变，请以新的状况再次申请"),
        REVIEWED,
    ),
    "monthly_income": Texts(
        ("Your monthly income is lower than we look for", "您的每月收入低於我們的要求", "您的每月收入低于我们的要求"),
        ("We do not know your monthly income", "我們不知道您的每月收入", "我们不知道您的每月收入"),
        ("Name all income that you can show, such as a second job or rent",
         "請填報您能證明的全部收入，例如兼職或租金", "请填报您能证明的全部收入，例如兼职或租金"),
        REVIEWED,
    ),
    "amount": Texts(
        ("The amount you asked for carries more risk in our assessment",
         "您申請的金額在我們的評估中風險較高", "您申请的金额在我们的评估中风险较高"),
        ("We do not know how much you want to borrow", "我們不知道您想借多少", "我们不知道您想借多少"),
        ("Try another amount, and ask for no more than you need",
         "請嘗試其他金額，並只申請您需要的數額", "请尝试其他金额，并只申请您需要的数额"),
        REVIEWED,
    ),
    "term": Texts(
        ("The repayment period you asked for carries more risk in our assessment",
         "您申請的還款期在我們的評估中風險較高", "您申请的还款期在我们的评估中风险较高"),
        ("We do not know over how long you want to repay", "我們不知道您想要的還款期", "我们不知道您想要的还款期"),
        ("Try another repayment period", "請嘗試其他還款期", "请尝试其他还款期"),
        REVIEWED,
    ),
    "purpose": Texts(
        ("Loans for the purpose you named carry more risk in our assessment",
         "您所述用途的貸款在我們的評估中風險較高", "您所述用途的贷款在我们的评估中风险较高"),
        ("We do not know what the loan is for", "我們不知道貸款的用途", "我们不知道贷款的用途"),
        ("Name the true purpose always; a loan for another need is assessed anew",
         "請如實說明用途；因其他需要而申請的貸款會重新評估", "请如实说明用途；因其他需要而申请的贷款会重新评估"),
        REVIEWED,
    ),
    "existing_debt": Texts(
        ("What you already owe carries more risk in our assessment",
         "您現有的欠款在我們的評估中風險較高", "您现有的欠款在我们的评估中风险较高"),
        ("We do not know how much you already owe", "我們不知道您現有多少欠款", "我们不知道您现有多少欠款"),
        ("Pay down what you owe before you borrow more",
         "先償還部分現有欠款，再申請新的貸款", "先偿还部分现有欠款，再申请新的贷款"),
        REVIEWED,
    ),
    "debt_service": Texts(
        ("Your debt repayments take a large part of your income",
         "您的還款支出佔收入的比例偏高", "您的还款支出占收入的比例偏高"),
        ("We do not know how much of your income goes into debt repayments",
         "我們不知道您的收入中有多少用於還款", "我们不知道您的收入中有多少用于还款"),
        ("Lower your monthly repayments, for example by paying off one loan",
         "減少每月還款，例如先還清一筆貸款", "减少每月还款，例如先还清一笔贷款"),
        REVIEWED,
    ),
    "card_utilisation": Texts(
        ("Your credit card balances are high compared with their limits",
         "您的信用卡結欠相對信用額偏高", "您的信用卡欠款相对信用额度偏高"),
        ("We could not see how much of your credit card limits you use",
         "我們無法得知您使用了多少信用卡額度", "我们无法得知您使用了多少信用卡额度"),
        ("Pay down your card balances, so that you use less of your limits",
         "償還部分信用卡結欠，降低信用額的使用比例", "偿还部分信用卡欠款，降低信用额度的使用比例"),
        REVIEWED,
    ),
    "delinquencies_24m": Texts(
        ("You were late with payments in the last 24 months",
         "您在過去24個月內曾逾期還款", "您在过去24个月内曾逾期还款"),
        ("We could not see how you paid in the last 24 months",
         "我們無法得知您過去24個月的還款情況", "我们无法得知您过去24个月的还款情况"),
        ("Pay every bill on time; late payments older than 24 months no longer count here",
         "準時支付每期款項；超過24個月的逾期不再計入此項", "准时支付每期款项；超过24个月的逾期不再计入此项"),
        REVIEWED,
    ),
    "inquiries_6m": Texts(
        ("Lenders asked about your credit in the last 6 months",
         "過去6個月內有貸款機構查詢您的信貸", "过去6个月内有贷款机构查询您的信用"),
        ("We could not see who asked about your credit in the last 6 months",
         "我們無法得知過去6個月內誰查詢了您的信貸", "我们无法得知过去6个月内谁查询了您的信用"),
        ("Apply for less credit elsewhere; after 6 months an inquiry no longer counts here",
         "減少向其他機構申請信貸；查詢在6個月後不再計入此項", "减少向其他机构申请贷款；查询在6个月后不再计入此项"),
        REVIEWED,
    ),
    "open_accounts": Texts(
        ("The number of your open credit accounts carries more risk in our assessment",
         "您的信貸賬戶數目在我們的評估中風險較高", "您的信贷账户数目在我们的评估中风险较高"),
        ("We do not know how many credit accounts you have",
         "我們不知道您有多少個信貸賬戶", "我们不知道您有多少个信贷账户"),
        ("Open a new credit account only when you need it",
         "只在有需要時才開立新的信貸賬戶", "只在有需要时才开立新的信贷账户"),
        REVIEWED,
    ),
    "history_months": Texts(
        ("Your credit history is short", "您的信貸紀錄較短", "您的信贷记录较短"),
        ("We found no credit history of yours", "我們找不到您的信貸紀錄", "我们找不到您的信贷记录"),
        ("Time helps: keep an account open and pay it on time",
         "保留賬戶並準時還款，信貸紀錄會隨時間累積", "保留账户并准时还款，信贷记录会随时间累积"),
        REVIEWED,
    ),
}  # fmt: skip
# No feature: what a refusal for lack of affordability is called; missing where income or repayments are not known.
AFFORDABILITY = "affordability"
AFFORDABLE = Texts(
    ("What is left of your income after living and repayments does not carry the instalments",
     "扣除生活開支及現有還款後，您餘下的收入不足以承擔供款",
     "扣除生活开支及现有还款后，您余下的收入不足以承担每月还款"),
    ("We know too little of your income and repayments to tell what you can afford",
     "我們對您的收入及還款所知不足，無法得知您能負擔多少", "我们对您的收入及还款所知不足，无法得知您能负担多少"),
    ("Ask for less or over a longer time, or pay off another loan first",
     "減少申請金額或延長還款期，或先還清另一筆貸款", "减少申请金额或延长还款期，或先还清另一笔贷款"),
    REVIEWED,
)  # fmt: skip
HELPS_MISSING = (
    "Apply again and tell us, or let us see it",
    "請再次申請並提供這項資料，或讓我們查閱",
    "请再次申请并提供这项资料，或让我们查阅",
)


def reason_text(feature: str, language: str, *, missing: bool = False) -> str:
    """Return a principal reason in words, without a full stop; `missing` where the person's value was not known.

    `feature` is one of the catalogue's, or AFFORDABILITY.
    `language` is one of LANGUAGES, in any case. `KeyError` for a feature without texts, or another language.
    """
    texts = _texts(feature)
    return (texts.missing if missing else texts.reason)[_place(language)]


def what_helps(feature: str, language: str, *, missing: bool = False) -> str:
    """Return what the person can do about a reason; arguments and errors as of `reason_text`."""
    texts = _texts(feature)
    return (HELPS_MISSING if missing else texts.helps)[_place(language)]


def told(texts: Texts) -> bool:
    """Whether texts are whole in every language, and reviewed by somebody on some day."""
    whole = all(text for group in (texts.reason, texts.missing, texts.helps) for text in group)
    return whole and texts.review.state == "reviewed" and bool(texts.review.by) and texts.review.on is not None


def _texts(feature: str) -> Texts:
    found = AFFORDABLE if feature == AFFORDABILITY else TEXTS[feature]
    if not told(found):
        raise KeyError(f"the texts of {feature} are not reviewed")
    return found


def _place(language: str) -> int:
    try:
        return LANGUAGES.index(language.lower())
    except ValueError:
        raise KeyError(f"no texts in {language}") from None
