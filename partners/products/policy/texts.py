"""What an applicant is told where a lender's policy leaves him out, in the three languages of his pages."""

from typing import Literal

Language = Literal["en", "zh-hant", "zh-hans"]

REASONS: dict[str, dict[Language, str]] = {
    "amount": {
        "en": "The amount you asked for is outside what this lender offers.",
        "zh-hant": "你申請的金額不在這家貸款機構的範圍內。",
        "zh-hans": "你申请的金额不在这家贷款机构的范围内。",
    },
    "term": {
        "en": "The repayment period you asked for is not one this lender offers.",
        "zh-hant": "這家貸款機構不提供你選擇的還款期。",
        "zh-hans": "这家贷款机构不提供你选择的还款期。",
    },
    "score": {
        "en": "Your overall credit assessment is outside what this lender accepts.",
        "zh-hant": "你的整體信貸評估不符合這家貸款機構的要求。",
        "zh-hans": "你的整体信用评估不符合这家贷款机构的要求。",
    },
    "employment": {
        "en": "Your employment is outside what this lender asks for.",
        "zh-hant": "你的工作類別或受僱年期不符合這家貸款機構的要求。",
        "zh-hans": "你的工作类别或受雇年限不符合这家贷款机构的要求。",
    },
    "housing": {
        "en": "Your housing situation is outside what this lender accepts.",
        "zh-hant": "你的居住狀況不符合這家貸款機構的要求。",
        "zh-hans": "你的居住状况不符合这家贷款机构的要求。",
    },
    "income": {
        "en": "Your monthly income is outside what this lender asks for.",
        "zh-hant": "你的每月收入不符合這家貸款機構的要求。",
        "zh-hans": "你的每月收入不符合这家贷款机构的要求。",
    },
    "purpose": {
        "en": "This lender does not lend for this purpose.",
        "zh-hant": "這家貸款機構不為此用途提供貸款。",
        "zh-hans": "这家贷款机构不为此用途提供贷款。",
    },
    "debt": {
        "en": "What you owe and repay already is outside what this lender accepts.",
        "zh-hant": "你現有的債務或還款負擔不符合這家貸款機構的要求。",
        "zh-hans": "你现有的债务或还款负担不符合这家贷款机构的要求。",
    },
    "card_use": {
        "en": "How much of your card limits you use is outside what this lender accepts.",
        "zh-hant": "你的信用卡額度使用率不符合這家貸款機構的要求。",
        "zh-hans": "你的信用卡额度使用率不符合这家贷款机构的要求。",
    },
    "late_payments": {
        "en": "Your late payments in the last two years are outside what this lender accepts.",
        "zh-hant": "你過去兩年的逾期還款次數不符合這家貸款機構的要求。",
        "zh-hans": "你过去两年的逾期还款次数不符合这家贷款机构的要求。",
    },
    "inquiries": {
        "en": "How often you applied for credit in the last six months is outside what this lender accepts.",
        "zh-hant": "你過去六個月申請信貸的次數不符合這家貸款機構的要求。",
        "zh-hans": "你过去六个月申请信贷的次数不符合这家贷款机构的要求。",
    },
    "accounts": {
        "en": "The number of your credit accounts is outside what this lender accepts.",
        "zh-hant": "你的信貸帳戶數目不符合這家貸款機構的要求。",
        "zh-hans": "你的信贷账户数目不符合这家贷款机构的要求。",
    },
    "history": {
        "en": "The length of your credit history is outside what this lender asks for.",
        "zh-hant": "你的信貸紀錄年期不符合這家貸款機構的要求。",
        "zh-hans": "你的信贷记录年限不符合这家贷款机构的要求。",
    },
    "affordability": {
        "en": "By what you told us, even the smallest loan of this lender would leave you too little to live on.",
        "zh-hant": "根據你提供的資料，即使是這家貸款機構的最低貸款額，供款後餘下的錢也不足以應付生活。",
        "zh-hans": "根据你提供的资料，即使是这家贷款机构的最低贷款额，还款后余下的钱也不足以应付生活。",
    },
    "incomplete": {
        "en": "Something that this lender needs to know is missing.",
        "zh-hant": "缺少這家貸款機構需要的資料。",
        "zh-hans": "缺少这家贷款机构需要的资料。",
    },
}


def reason_text(reason: str, language: Language) -> str:
    """Return the sentence for an exclusion's reason. `KeyError` for a reason that no fact has."""
    return REASONS[reason][language]
